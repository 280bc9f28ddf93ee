//! A second opinion: on well-formed messages `rsip` finds the same.

use crate::corpus::{INVITE, files, read};
use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::message::{HasHeaders, HeadersExt, SipMessage};

fn of_rsip(bytes: &[u8]) -> Option<SipMessage> {
    std::panic::catch_unwind(|| SipMessage::try_from(bytes).ok()).ok().flatten()
}

#[test]
fn what_rsip_reads_is_read_the_same() {
    let stored = files("rfc4475").into_iter().chain([("invite".to_owned(), INVITE.into())]);
    let mut agreed = 0;
    for (name, bytes) in stored {
        let ours = read(&bytes);
        if ours.check() != cordboard_sip::Verdict::Sound || name == "dblreq" {
            continue;
        }
        let Some(theirs) = of_rsip(&bytes) else { continue };
        assert_eq!(theirs.headers().iter().count(), ours.headers().count(), "{name}: headers");
        if let Ok(call_id) = theirs.call_id_header() {
            assert_eq!(call_id.value().as_bytes(), ours.call_id().unwrap(), "{name}: Call-ID");
        }
        if let Ok(number) = theirs.cseq_header().and_then(|cseq| cseq.seq()) {
            assert_eq!(number, ours.cseq().unwrap().number, "{name}: CSeq");
        }
        if let Ok(Some(tag)) = theirs.from_header().and_then(|from| from.tag()) {
            assert_eq!(Some(tag.value().as_bytes()), ours.from().unwrap().tag(), "{name}: tag of From");
        }
        if let Ok(Some(branch)) = theirs.via_header().and_then(|via| via.typed()).map(|via| via.branch().cloned()) {
            assert_eq!(Some(branch.value().as_bytes()), ours.via().unwrap().branch(), "{name}: branch");
        }
        agreed += 1;
    }
    assert!(agreed >= 15, "rsip reads most of them, not {agreed}");
}
