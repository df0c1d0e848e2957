//! Notes on instruments through the engine: kept at once, seen by everybody, there after a restart; and by the command line.

use arbion::client::{Reply, Request, Session, SessionError};
use arbion::domain::instrument::Instrument;
use arbion::domain::note::{NoteChange, NoteId};
use arbion::engine::FeedChoice;

use crate::engine::{snapshot_of, start};

fn add(symbol: &str, text: &str) -> Request {
    let instrument = Instrument::from_key(symbol).unwrap();
    Request::NoteSymbol(NoteChange::Add { instrument, text: text.to_owned() })
}

#[tokio::test]
async fn a_note_is_in_every_picture_and_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("p");
    let mut engine = start(&folder, FeedChoice::Simulated);
    engine.started().await.unwrap();
    let (session, other) = (engine.session(), engine.session());
    let said = session.request(add("KO", " earnings on Thursday ")).await;
    assert_eq!(said.unwrap(), Reply::Done("note 1 on KO kept".to_owned()));
    session.request(add("BTC-USD", "buy 10 at 200")).await.unwrap();
    let seen = snapshot_of(&other, |snapshot| snapshot.notes.len() == 2).await;
    let ko = Instrument::equity("KO").unwrap();
    assert_eq!(seen.notes_on(&ko)[0].text, "earnings on Thursday");
    // Behind the veil nobody reads them.
    assert!(seen.veiled().notes.is_empty());
    for (request, said) in [
        (add("KO", "a\nb"), "control character (U+000A) as character 2"),
        (add("KO", &"x".repeat(501)), "found 501 characters, allowed 1 to 500"),
        (add("KO", "  "), "found no text"),
        (add("ZZZZZ", "who"), "no instrument ZZZZZ is known here"),
        (Request::NoteSymbol(NoteChange::Remove { id: NoteId(7) }), "no note 7"),
    ] {
        match session.request(request).await {
            Err(SessionError::Usage(text)) => assert!(text.contains(said), "{text}"),
            other => panic!("{said}: {other:?}"),
        }
    }
    session.request(Request::NoteSymbol(NoteChange::Remove { id: NoteId(2) })).await.unwrap();
    drop(engine);
    let mut engine = start(&folder, FeedChoice::Simulated);
    engine.started().await.unwrap();
    let seen = snapshot_of(&engine.session(), |snapshot| snapshot.seq > 0).await;
    assert_eq!(
        seen.notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>(),
        ["earnings on Thursday"]
    );
    drop(engine);
}
