//! Reliability M3: after use, the bytes of a secret are not in the process any more. A child looks through its own memory for a value that
//! it never had but from the vault.

use std::io::{Read, Seek, SeekFrom};
use std::process::Command;

use super::*;

/// What hides the value from the child, so that it finds no copy that it was given.
const MASK: u8 = 0x5a;

#[test]
fn m3_memory_has_no_secret_after_use() {
    let place = Place::new();
    let mut noise = [0_u8; 24];
    getrandom::fill(&mut noise).unwrap();
    let value: String = noise.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    place.vault().set(&name("canary"), &secret(&value), now()).unwrap();
    let hidden: String = value.bytes().map(|byte| format!("{:02x}", byte ^ MASK)).collect();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "vault::tests::memory::child_looks_through_its_memory", "--ignored", "--nocapture"])
        .env("ARBION_TEST_VAULT", &place.directory)
        .env("ARBION_TEST_HIDDEN", hidden)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&child.stderr)
    );
}

#[test]
#[ignore = "the body of a child process, which the test above starts"]
fn child_looks_through_its_memory() {
    let read = |variable: &str| std::env::var_os(variable).unwrap().into_string().unwrap();
    let hidden: Vec<u8> = read("ARBION_TEST_HIDDEN")
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let directory = PathBuf::from(read("ARBION_TEST_VAULT"));
    let vault = Vault::open(&directory, &Unlock::default()).unwrap();
    let value = vault.get(&name("canary")).unwrap();
    assert_eq!(value.expose_secret().len(), hidden.len());
    assert!(found(&hidden) > 0, "the search finds a value that is there");
    drop(value);
    drop(vault);
    assert_eq!(found(&hidden), 0, "copies of the secret stay in memory");
}

/// How often the hidden value stands in this process's writable memory.
fn found(hidden: &[u8]) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut memory = fs::File::open("/proc/self/mem").unwrap();
    let mut count = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line.split(' ').next().unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        if memory.seek(SeekFrom::Start(start)).is_err() || memory.read_exact(&mut bytes).is_err() {
            continue;
        }
        let same = |window: &[u8]| window.iter().zip(hidden).all(|(byte, mask)| byte ^ MASK == *mask);
        count += bytes.windows(hidden.len()).filter(|window| same(window)).count();
        // The copy that was searched must not be found by the next search.
        bytes.fill(0);
        std::hint::black_box(&bytes);
    }
    count
}
