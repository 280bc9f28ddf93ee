//! Header names with their compact forms (RFC 3261 §7.3.3 and the registry that grew from it), found without looping
//! over them: a table built by the compiler is asked with length, first and last letter.

macro_rules! names {
    ($($name:ident $text:literal $($compact:literal)?;)*) => {
        /// A header this stack has a name for, or `Other`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Name { $($name,)* Other }

        const NAMES: &[Name] = &[$(Name::$name),*];
        const SPELLINGS: &[(&str, Name)] = &[$(($text, Name::$name), $(($compact, Name::$name),)?)*];

        impl Name {
            /// As this stack writes it; `Other` has no spelling of its own.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Other => "" }
            }
        }
    };
}

names! {
    Accept "Accept"; AcceptContact "Accept-Contact" "a"; AcceptEncoding "Accept-Encoding";
    AcceptLanguage "Accept-Language"; Alert "Alert-Info"; Allow "Allow"; AllowEvents "Allow-Events" "u";
    AuthenticationInfo "Authentication-Info"; Authorization "Authorization"; CallId "Call-ID" "i";
    CallInfo "Call-Info"; Contact "Contact" "m"; ContentDisposition "Content-Disposition";
    ContentEncoding "Content-Encoding" "e"; ContentLanguage "Content-Language"; ContentLength "Content-Length" "l";
    ContentType "Content-Type" "c"; CSeq "CSeq"; Date "Date"; Diversion "Diversion"; ErrorInfo "Error-Info";
    Event "Event" "o"; Expires "Expires"; From "From" "f"; HistoryInfo "History-Info"; Identity "Identity" "y";
    InReplyTo "In-Reply-To"; MaxForwards "Max-Forwards"; MimeVersion "MIME-Version"; MinExpires "Min-Expires";
    MinSe "Min-SE"; Organization "Organization"; PAssertedIdentity "P-Asserted-Identity";
    PPreferredIdentity "P-Preferred-Identity"; Path "Path"; Priority "Priority"; Privacy "Privacy";
    ProxyAuthenticate "Proxy-Authenticate"; ProxyAuthorization "Proxy-Authorization"; ProxyRequire "Proxy-Require";
    RAck "RAck"; Reason "Reason"; RecordRoute "Record-Route"; ReferSub "Refer-Sub"; ReferTo "Refer-To" "r";
    ReferredBy "Referred-By" "b"; RejectContact "Reject-Contact" "j"; Replaces "Replaces"; ReplyTo "Reply-To";
    RequestDisposition "Request-Disposition" "d"; Require "Require"; RetryAfter "Retry-After"; Route "Route";
    RSeq "RSeq"; Server "Server"; ServiceRoute "Service-Route"; SessionExpires "Session-Expires" "x";
    SipEtag "SIP-ETag"; SipIfMatch "SIP-If-Match"; Subject "Subject" "s"; SubscriptionState "Subscription-State";
    Supported "Supported" "k"; Timestamp "Timestamp"; To "To" "t"; Unsupported "Unsupported"; UserAgent "User-Agent";
    Via "Via" "v"; Warning "Warning"; WwwAuthenticate "WWW-Authenticate";
}

const SLOTS: usize = 256;
const LONGEST: usize = 20;
static TABLE: [u8; SLOTS] = table();

const fn slot(bytes: &[u8]) -> usize {
    let (first, last) = ((bytes[0] | 0x20) as usize, (bytes[bytes.len() - 1] | 0x20) as usize);
    (bytes.len() * 37 + first * 5 + last * 17) % SLOTS
}

/// Each spelling's index plus one, at its slot or the next free one.
const fn table() -> [u8; SLOTS] {
    let mut slots = [0; SLOTS];
    let mut index = 0;
    while index < SPELLINGS.len() {
        assert!(SPELLINGS[index].0.len() <= LONGEST);
        let mut at = slot(SPELLINGS[index].0.as_bytes());
        while slots[at] != 0 {
            at = (at + 1) % SLOTS;
        }
        index += 1;
        slots[at] = index as u8;
    }
    slots
}

impl Name {
    /// Case does not matter (RFC 3261 §7.3.1).
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.is_empty() || bytes.len() > LONGEST {
            return Self::Other;
        }
        let mut at = slot(bytes);
        loop {
            let Some(index) = usize::from(TABLE[at]).checked_sub(1) else { return Self::Other };
            let (spelling, name) = SPELLINGS[index];
            if spelling.as_bytes().eq_ignore_ascii_case(bytes) {
                return name;
            }
            at = (at + 1) % SLOTS;
        }
    }

    /// Every known name once, in alphabetical order.
    pub const fn known() -> &'static [Self] {
        NAMES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_found_in_any_case() {
        for (spelling, name) in SPELLINGS {
            for text in [spelling.to_string(), spelling.to_uppercase(), spelling.to_lowercase()] {
                assert_eq!(Name::of(text.as_bytes()), *name, "{text}");
            }
        }
        for text in ["", "Vi", "Viaa", "C%6Fntact", "X-Via", "z", "Content-Dispositiona"] {
            assert_eq!(Name::of(text.as_bytes()), Name::Other, "{text}");
        }
    }
}
