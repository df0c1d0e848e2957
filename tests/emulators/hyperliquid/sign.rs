//! Who signed: the venue packs an action again from its own knowledge of the fields' order, hashes it, and recovers the key. Written apart from
//! the connector, so that the two prove each other.

use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};
use serde_json::Value;
use sha3::{Digest, Keccak256};

/// The order of fields, of all actions at once: no two of them disagree.
const FIELDS: &[&str] = &[
    "type",
    "orders",
    "grouping",
    "builder",
    "oid",
    "order",
    "modifies",
    "cancels",
    "time",
    "asset",
    "isCross",
    "isBuy",
    "leverage",
    "ntli",
    "cloid",
    "twap",
    "weight",
    "a",
    "b",
    "p",
    "s",
    "r",
    "m",
    "t",
    "c",
    "o",
    "f",
    "limit",
    "trigger",
    "isMarket",
    "triggerPx",
    "tpsl",
    "tif",
];

pub fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Bytes of hexadecimal digits, filled up with zeros from the left.
pub fn unhex(text: &str, length: usize) -> Option<Vec<u8>> {
    let digits = format!("{:0>width$}", text.strip_prefix("0x")?, width = length * 2);
    (digits.len() == length * 2)
        .then(|| (0..length).map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).ok()).collect())
        .flatten()
}

fn address_of(key: &VerifyingKey) -> String {
    hex(&keccak(&key.to_sec1_point(false).as_bytes()[1..])[12..])
}

/// The address of a private key.
pub fn address(key: &str) -> String {
    let key = SigningKey::from_slice(&unhex(key, 32).unwrap()).unwrap();
    address_of(key.verifying_key())
}

/// Packs a value; `None` for a field that no action has, a float or null.
pub fn pack(value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::Bool(flag) => out.push(if *flag { 0xc3 } else { 0xc2 }),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(n), _) if n < 0x80 => out.push(n as u8),
            (Some(n), _) if n <= 0xff => out.extend([0xcc, n as u8]),
            (Some(n), _) if n <= 0xffff => head(out, 0xcd, &(n as u16).to_be_bytes()),
            (Some(n), _) if n <= 0xffff_ffff => head(out, 0xce, &(n as u32).to_be_bytes()),
            (Some(n), _) => head(out, 0xcf, &n.to_be_bytes()),
            (None, Some(n)) if n >= -32 => out.push(n as i8 as u8),
            (None, Some(n)) if n >= i8::MIN.into() => head(out, 0xd0, &(n as i8).to_be_bytes()),
            (None, Some(n)) if n >= i16::MIN.into() => head(out, 0xd1, &(n as i16).to_be_bytes()),
            (None, Some(n)) if n >= i32::MIN.into() => head(out, 0xd2, &(n as i32).to_be_bytes()),
            (None, Some(n)) => head(out, 0xd3, &n.to_be_bytes()),
            _ => return None,
        },
        Value::String(text) => {
            match text.len() {
                n if n < 32 => out.push(0xa0 | n as u8),
                n if n < 256 => out.extend([0xd9, n as u8]),
                n => head(out, 0xda, &(n as u16).to_be_bytes()),
            }
            out.extend(text.as_bytes());
        }
        Value::Array(all) => {
            match all.len() {
                n if n < 16 => out.push(0x90 | n as u8),
                n => head(out, 0xdc, &(n as u16).to_be_bytes()),
            }
            for one in all {
                pack(one, out)?;
            }
        }
        Value::Object(fields) => {
            out.push(0x80 | fields.len() as u8);
            let mut written = 0;
            for name in FIELDS {
                if let Some(field) = fields.get(*name) {
                    pack(&Value::from(*name), out)?;
                    pack(field, out)?;
                    written += 1;
                }
            }
            (written == fields.len()).then_some(())?;
        }
        Value::Null => return None,
    }
    Some(())
}

fn head(out: &mut Vec<u8>, kind: u8, number: &[u8]) {
    out.push(kind);
    out.extend(number);
}

fn recover(digest: &[u8; 32], signature: &Value) -> Option<String> {
    let r = unhex(signature["r"].as_str()?, 32)?;
    let s = unhex(signature["s"].as_str()?, 32)?;
    let id = RecoveryId::from_byte(u8::try_from(signature["v"].as_u64()?.checked_sub(27)?).ok()?)?;
    let signature = Signature::from_slice(&[r, s].concat()).ok()?;
    Some(address_of(&VerifyingKey::recover_from_prehash(digest, &signature, id).ok()?))
}

fn typed(domain: &str, chain_id: u64, structure: &[u8]) -> [u8; 32] {
    let mut separator = Vec::new();
    separator.extend(keccak(
        b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
    ));
    separator.extend(keccak(domain.as_bytes()));
    separator.extend(keccak(b"1"));
    separator.extend([[0; 24].as_slice(), &chain_id.to_be_bytes()].concat());
    separator.extend([0; 32]);
    keccak(&[&[0x19, 0x01], keccak(&separator).as_slice(), &keccak(structure)].concat())
}

/// Who signed an action; `None` when it cannot be packed or the signature is none.
pub fn signer_of(body: &Value, mainnet: bool) -> Option<String> {
    let mut packed = Vec::new();
    pack(&body["action"], &mut packed)?;
    packed.extend(body["nonce"].as_u64()?.to_be_bytes());
    match body["vaultAddress"].as_str() {
        Some(vault) => packed.extend([&[1], unhex(vault, 20)?.as_slice()].concat()),
        None => packed.push(0),
    }
    if let Some(expires) = body["expiresAfter"].as_u64() {
        packed.push(0);
        packed.extend(expires.to_be_bytes());
    }
    let source = if mainnet { "a" } else { "b" };
    let structure =
        [keccak(b"Agent(string source,bytes32 connectionId)"), keccak(source.as_bytes()), keccak(&packed)]
            .concat();
    recover(&typed("Exchange", 1337, &structure), &body["signature"])
}

/// Who approved an agent.
pub fn approver_of(body: &Value) -> Option<String> {
    let action = &body["action"];
    let chain_id = u64::from_str_radix(action["signatureChainId"].as_str()?.strip_prefix("0x")?, 16).ok()?;
    let mut structure = keccak(
        b"HyperliquidTransaction:ApproveAgent(string hyperliquidChain,address agentAddress,string agentName,uint64 nonce)",
    )
    .to_vec();
    structure.extend(keccak(action["hyperliquidChain"].as_str()?.as_bytes()));
    structure.extend([0; 12]);
    structure.extend(unhex(action["agentAddress"].as_str()?, 20)?);
    structure.extend(keccak(action["agentName"].as_str().unwrap_or_default().as_bytes()));
    structure.extend([0; 24]);
    structure.extend(action["nonce"].as_u64()?.to_be_bytes());
    recover(&typed("HyperliquidSignTransaction", chain_id, &structure), &body["signature"])
}
