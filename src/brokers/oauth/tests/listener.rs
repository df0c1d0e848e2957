use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::listener::Listener;
use super::super::{OauthError, RedirectUri};

async fn listener(uri: &str) -> Listener {
    Listener::bind(&RedirectUri::parse(uri).unwrap()).await.unwrap()
}

fn request(listener: &Listener, method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n\r\n", listener.redirect().host())
}

/// Talks to a listener while it listens; what it hears is returned with the answers.
async fn heard(mut listener: Listener, texts: &[String]) -> (Vec<String>, super::super::callback::Callback) {
    let address = listener.redirect().address();
    let texts = texts.to_vec();
    let talk = tokio::spawn(async move {
        let mut answers = Vec::new();
        for text in texts {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(text.as_bytes()).await.unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await.ok();
            answers.push(answer);
        }
        answers
    });
    let callback = listener.next().await.unwrap();
    (talk.await.unwrap(), callback)
}

#[tokio::test]
async fn o4_only_the_exact_request_is_an_answer() {
    let listener = listener("http://127.0.0.1:0/cb").await;
    let host = listener.redirect().host();
    let with_host = |host: &str| format!("GET /cb?code=x&state=s HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let texts = [
        request(&listener, "GET", "/favicon.ico"),
        request(&listener, "GET", "/cb/?code=x&state=s"),
        request(&listener, "POST", "/cb?code=x&state=s"),
        request(&listener, "GET", "/cb?state=s"),
        with_host("evil.example"),
        with_host("localhost:80"),
        with_host("127.0.0.1"),
        "GET /cb?code=x&state=s HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET /cb?code=x&state=s HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"),
        format!("GET /cb?code=x HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "x".repeat(9_000)),
        "nonsense\r\n\r\n".to_owned(),
        request(&listener, "GET", "/cb?code=C0.a%40&session=1&state=s&x=%3Cscript%3E"),
    ];
    let (answers, callback) = heard(listener, &texts).await;
    let starts: Vec<&str> = answers.iter().map(|answer| answer.split(' ').nth(1).unwrap_or("")).collect();
    assert_eq!(starts[..9], ["404", "404", "405", "400", "421", "421", "421", "421", "421"]);
    assert!(starts[9] == "431" || starts[9].is_empty(), "{}", answers[9]);
    assert_eq!(starts[10..], ["400", "200"]);
    assert_eq!(callback.code.unwrap().expose_secret(), "C0.a@");
    let page = &answers[11];
    for header in [
        "Cache-Control: no-store",
        "Referrer-Policy: no-referrer",
        "Content-Security-Policy: default-src 'none'",
        "X-Content-Type-Options: nosniff",
    ] {
        assert!(page.contains(header), "{page}");
    }
    assert!(!page.contains("script") && !page.contains("C0"), "nothing of the request is in it: {page}");
}

#[tokio::test]
async fn o4_one_success_then_it_is_closed() {
    let mut listener = listener("http://127.0.0.1:0/cb").await;
    let (address, text) = (listener.redirect().address(), request(&listener, "GET", "/cb?code=x&state=s"));
    let talk = tokio::spawn(async move {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(text.as_bytes()).await.unwrap();
    });
    listener.next().await.unwrap();
    talk.await.unwrap();
    drop(listener);
    assert!(TcpStream::connect(address).await.is_err(), "a second answer finds nobody");
}

#[tokio::test]
async fn o4_nobody_outside_of_this_machine_reaches_it() {
    let listener = listener("http://127.0.0.1:0/cb").await;
    assert!(listener.redirect().address().ip().is_loopback());
    // The same port at another loopback address: bound to one alone, not to all.
    let elsewhere = ("127.0.0.2", listener.redirect().address().port());
    assert!(TcpStream::connect(elsewhere).await.is_err());
    // A port that is taken is said.
    let taken = RedirectUri::parse(listener.redirect().as_str()).unwrap();
    let error = Listener::bind(&taken).await.unwrap_err();
    assert!(matches!(error, OauthError::Listen { .. }) && error.to_string().contains("paste"), "{error}");
}

#[tokio::test]
async fn o4_a_slow_one_is_dropped_and_five_minutes_are_all() {
    let (redirect, tenth) =
        (RedirectUri::parse("http://127.0.0.1:0/cb").unwrap(), Duration::from_millis(100));
    let mut listener = Listener::bind_for(&redirect, tenth * 5, tenth).await.unwrap();
    let mut slow = TcpStream::connect(listener.redirect().address()).await.unwrap();
    slow.write_all(b"GET /cb?code=x HTTP/1.1\r\n").await.unwrap();
    let started = tokio::time::Instant::now();
    let error = listener.next().await.unwrap_err();
    assert!(matches!(error, OauthError::Late { minutes: 5 }), "{error}");
    assert!(started.elapsed() >= tenth * 4);
    // It was told nothing, and dropped after a fifth of the time that the listener was open.
    let mut rest = Vec::new();
    assert_eq!(slow.read_to_end(&mut rest).await.unwrap_or(0), 0);
    assert_eq!(format!("{listener:?}").matches("redirect").count(), 1);
}

#[tokio::test]
async fn o4_https_where_a_broker_demands_it() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut listener = listener(&format!("https://127.0.0.1:{port}")).await;
    let address = listener.redirect().address();
    let talk = tokio::spawn(async move {
        // A look at the certificate, and away.
        drop(TcpStream::connect(address).await.unwrap());
        // Plain HTTP is no answer.
        let mut plain = TcpStream::connect(address).await.unwrap();
        plain.write_all(b"GET /?code=plain HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        plain.read_to_end(&mut answer).await.ok();
        assert!(!answer.starts_with(b"HTTP"));
        // What a browser does once a person said yes to the certificate.
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(trusting())
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        let page = client.get(format!("https://{address}/?code=C0.a%40&state=s")).send().await.unwrap();
        (page.status().as_u16(), page.text().await.unwrap())
    });
    let callback = listener.next().await.unwrap();
    assert_eq!(callback.code.unwrap().expose_secret(), "C0.a@");
    let (status, page) = talk.await.unwrap();
    assert_eq!(status, 200);
    assert!(page.contains("Go back to your terminal"));
}

/// A client that takes any certificate: for this test, as a person does by hand.
fn trusting() -> rustls::ClientConfig {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    struct Any;
    impl ServerCertVerifier for Any {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ECDSA_NISTP256_SHA256]
        }
    }
    rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(std::sync::Arc::new(Any))
        .with_no_client_auth()
}
