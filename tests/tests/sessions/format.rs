//! What a session takes on disk.

use testcard_sim::scenarios;

use super::*;

#[test]
fn a_film_of_700_mb_watched_to_its_end_takes_less_than_2_mb_with_index_and_heads_to_the_byte() {
    let scenario = scenarios::whole_film();
    let session = scenario.record();
    let received: u64 = session.exchanges.iter().map(|exchange| exchange.body.len()).sum();
    assert!(received > 700_000_000, "{received}");
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path().join("whole");
    session.write(&dir).unwrap_or_else(|error| panic!("{error}"));
    let bytes = bytes_below(&dir);
    assert!(bytes < 2_000_000, "{bytes} bytes on disk");
    let again = Session::read(&dir).unwrap_or_else(|error| panic!("{error}"));
    for (kept, made) in session.exchanges.iter().zip(&again.exchanges) {
        assert_eq!(kept.head, made.head);
    }
}

fn bytes_below(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let bytes = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => bytes_below(&path),
            false => path.metadata().expect("a file").len(),
        }
    });
    bytes.sum()
}
