//! The stored messages, and how to name what became of one.

use bytes::Bytes;
use cordboard_sip::{Message, Verdict};
use std::path::PathBuf;

pub const INVITE: &str = "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n\
Via: SIP/2.0/UDP pc33.atlanta.example.com:5066;branch=z9hG4bK776asdhds;rport\r\n\
Max-Forwards: 70\r\n\
To: Bob <sip:bob@biloxi.example.com>\r\n\
From: Alice <sip:alice@atlanta.example.com>;tag=1928301774\r\n\
Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n\
CSeq: 314159 INVITE\r\n\
Contact: <sip:alice@pc33.atlanta.example.com>\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 4\r\n\
\r\n\
v=0\n";

/// The name and bytes of every file of a folder of `tests/data/sip`, in order of names.
pub fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/sip").join(folder);
    let entries = std::fs::read_dir(path).expect("the folder is there").map(|entry| entry.expect("a file").path());
    let mut files: Vec<_> = entries
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(path).expect("the file can be read"))
        })
        .collect();
    files.sort();
    files
}

/// Bare line feeds become CRLF.
pub fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    bytes.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..])
}

pub fn all() -> Vec<Vec<u8>> {
    let stored = files("rfc4475").into_iter().chain(files("rfc5118"));
    let own = crate::hostile::messages().map(|(_, bytes, _)| bytes);
    stored.map(|(_, bytes)| bytes).chain(own).chain([INVITE.into()]).collect()
}

pub fn read(bytes: &[u8]) -> Message {
    Message::parse(Bytes::copy_from_slice(bytes)).expect("a message")
}

/// `sound`, `drop`, or the status of the answer.
pub fn treatment(bytes: &[u8]) -> String {
    match Message::parse(Bytes::copy_from_slice(bytes)).map(|message| message.check()) {
        Ok(Verdict::Sound) => "sound".to_owned(),
        Ok(Verdict::Answer { status, .. }) => status.to_string(),
        Ok(Verdict::Drop { .. }) | Err(_) => "drop".to_owned(),
    }
}

/// Asks for everything that can be asked of a message, so that nothing panics.
pub fn exercise(bytes: &[u8]) {
    use cordboard_sip::Name;
    let Ok(message) = Message::parse(Bytes::copy_from_slice(bytes)) else { return };
    let verdict = message.check();
    let _ = (message.via(), message.from(), message.to(), message.call_id(), message.cseq(), message.max_forwards());
    let _ = (message.content_type(), message.content_disposition(), message.expires(), message.event());
    let _ = (message.replaces(), message.refer_to(), message.session_expires(), message.min_se(), message.rack());
    let _ = (message.rseq(), message.min_expires(), message.subscription_state(), message.body(), message.after_head());
    message.vias().flatten().for_each(|via| {
        let _ = (via.received(), via.rport(), via.transaction());
    });
    message.contacts().for_each(drop);
    [Name::Route, Name::RecordRoute, Name::Path].into_iter().flat_map(|name| message.routes(name)).for_each(drop);
    message.auths(Name::Authorization).flatten().for_each(|auth| auth.params().for_each(drop));
    message.names(Name::Require, "100rel");
    assert!(message.headers().all(|header| header.value.len() <= bytes.len()));
    for address in [message.from(), message.to()].into_iter().flatten() {
        let _ = (address.display_name(), address.tag(), address.q_thousandths(), address.expires_seconds());
        assert!(address.uri.is_equivalent(&address.uri), "a URI is equivalent to itself");
    }
    let seen = "192.0.2.9:5062".parse().expect("an address");
    if let Verdict::Answer { status, reason, .. } = verdict {
        let answer = message.answer(status, reason, Some(b"t"), Some(seen)).expect("what is to be answered can be");
        let answer = answer.finish().expect("an answer can be written");
        assert_eq!(read(&answer).head_fault(), None, "an answer has a sound head");
        assert_eq!(read(&answer).start_fault(), None, "an answer has a sound start line");
    }
}
