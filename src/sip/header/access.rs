//! Typed access from a message to its headers. Each call reads the header anew: most are asked for once.

use super::auth::Auth;
use super::content::{Disposition, MediaType};
use super::cseq::RAck;
use super::event::{Event, SubscriptionState};
use super::replaces::{Replaces, is_call_id};
use super::timer::SessionTimer;
use super::{Address, CSeq, Fault, HeaderError, Values, Via, list};
use crate::message::{Message, Name};
use crate::scan::number;

/// A Contact: an address, or the star that means all bindings (RFC 3261 §10.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact<'a> {
    Star,
    Address(Address<'a>),
}

impl Message {
    /// The value of a header that may be there once.
    fn optional(&self, name: Name) -> Result<Option<&[u8]>, HeaderError> {
        let mut lines = self.lines(name);
        let value = lines.next();
        match lines.next() {
            Some(_) => Err(HeaderError::new(name, Fault::Repeated)),
            None => Ok(value),
        }
    }

    fn single(&self, name: Name) -> Result<&[u8], HeaderError> {
        self.optional(name)?.ok_or(HeaderError::new(name, Fault::Missing))
    }

    fn maybe<'a, T>(
        &'a self,
        name: Name,
        read: impl FnOnce(&'a [u8]) -> Result<T, Fault>,
    ) -> Result<Option<T>, HeaderError> {
        self.optional(name)?.map(read).transpose().map_err(|fault| HeaderError::new(name, fault))
    }

    fn seconds(&self, name: Name) -> Result<Option<u32>, HeaderError> {
        self.maybe(name, |value| number(value).and_then(|it| u32::try_from(it).ok()).ok_or(Fault::Number))
    }

    /// The topmost Via value.
    ///
    /// # Errors
    /// When there is none or it is malformed.
    pub fn via(&self) -> Result<Via<'_>, HeaderError> {
        let line = self.lines(Name::Via).next().ok_or(HeaderError::new(Name::Via, Fault::Missing))?;
        Via::parse(Values::of(line).next().unwrap_or_default())
    }

    /// Every Via value, top first.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, HeaderError>> {
        self.lines(Name::Via).flat_map(Values::of).map(Via::parse)
    }

    fn address(&self, name: Name) -> Result<Address<'_>, HeaderError> {
        Address::parse(self.single(name)?).map_err(|fault| HeaderError::new(name, fault))
    }

    /// # Errors
    /// When it is missing, repeated or malformed. A missing tag is none: RFC 2543 had no tags (RFC 4475 §3.4.1).
    pub fn from(&self) -> Result<Address<'_>, HeaderError> {
        self.address(Name::From)
    }

    /// # Errors
    /// When it is missing, repeated or malformed.
    pub fn to(&self) -> Result<Address<'_>, HeaderError> {
        self.address(Name::To)
    }

    /// Compared byte by byte (RFC 3261 §20.8).
    ///
    /// # Errors
    /// When it is missing, repeated or malformed.
    pub fn call_id(&self) -> Result<&[u8], HeaderError> {
        let value = self.single(Name::CallId)?;
        if is_call_id(value) { Ok(value) } else { Err(HeaderError::new(Name::CallId, Fault::Malformed)) }
    }

    /// # Errors
    /// When it is missing, repeated, malformed or above 2³²−1.
    pub fn cseq(&self) -> Result<CSeq<'_>, HeaderError> {
        CSeq::parse(self.single(Name::CSeq)?).map_err(|fault| HeaderError::new(Name::CSeq, fault))
    }

    /// Hops left; `None` when absent, and when above 255, which may be taken for absent (RFC 4475 §3.1.2.4).
    ///
    /// # Errors
    /// When it is repeated or no number.
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        let digits = |value: &[u8]| value.iter().all(u8::is_ascii_digit) && !value.is_empty();
        let value = self.maybe(Name::MaxForwards, |it| if digits(it) { Ok(it) } else { Err(Fault::Number) })?;
        Ok(value.and_then(number).and_then(|hops| u8::try_from(hops).ok()))
    }

    /// # Errors
    /// When it is repeated, even with one value (RFC 4475 §3.3.9), or no number.
    pub fn content_length(&self) -> Result<Option<usize>, HeaderError> {
        self.maybe(Name::ContentLength, |it| {
            number(it).and_then(|length| usize::try_from(length).ok()).ok_or(Fault::Number)
        })
    }

    /// # Errors
    /// When it is repeated or malformed.
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, HeaderError> {
        self.maybe(Name::ContentType, MediaType::parse)
    }

    /// # Errors
    /// When it is repeated or malformed.
    pub fn content_disposition(&self) -> Result<Option<Disposition<'_>>, HeaderError> {
        self.maybe(Name::ContentDisposition, Disposition::parse)
    }

    /// Every Contact value.
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact<'_>, HeaderError>> {
        self.lines(Name::Contact).flat_map(Values::of).map(|value| match value {
            b"*" => Ok(Contact::Star),
            value => {
                Address::parse(value).map(Contact::Address).map_err(|fault| HeaderError::new(Name::Contact, fault))
            }
        })
    }

    /// Every value of Route, Record-Route, Path, Service-Route or another list of addresses, in order.
    pub fn routes(&self, name: Name) -> impl Iterator<Item = Result<Address<'_>, HeaderError>> {
        let read = move |value| Address::parse(value).map_err(|fault| HeaderError::new(name, fault));
        self.lines(name).flat_map(Values::of).map(read)
    }

    /// Seconds.
    ///
    /// # Errors
    /// When it is repeated, no number or above 2³²−1; then the default holds (RFC 4475 §3.1.2.4).
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        self.seconds(Name::Expires)
    }

    /// Seconds.
    ///
    /// # Errors
    /// When it is repeated, no number or above 2³²−1.
    pub fn min_expires(&self) -> Result<Option<u32>, HeaderError> {
        self.seconds(Name::MinExpires)
    }

    /// The number of a reliable provisional response (RFC 3262 §7.1).
    ///
    /// # Errors
    /// When it is repeated, no number or above 2³²−1.
    pub fn rseq(&self) -> Result<Option<u32>, HeaderError> {
        self.seconds(Name::RSeq)
    }

    /// # Errors
    /// When it is repeated or malformed.
    pub fn rack(&self) -> Result<Option<RAck<'_>>, HeaderError> {
        self.maybe(Name::RAck, RAck::parse)
    }

    /// # Errors
    /// When it is repeated or malformed.
    pub fn session_expires(&self) -> Result<Option<SessionTimer>, HeaderError> {
        self.maybe(Name::SessionExpires, SessionTimer::parse)
    }

    /// # Errors
    /// When it is repeated or malformed.
    pub fn min_se(&self) -> Result<Option<SessionTimer>, HeaderError> {
        self.maybe(Name::MinSe, SessionTimer::parse)
    }

    /// # Errors
    /// When it is repeated, which RFC 3515 §2.4.2 forbids, or malformed.
    pub fn refer_to(&self) -> Result<Option<Address<'_>>, HeaderError> {
        self.maybe(Name::ReferTo, Address::parse)
    }

    /// # Errors
    /// When it is repeated, which RFC 3891 §3 forbids, or malformed.
    pub fn replaces(&self) -> Result<Option<Replaces<'_>>, HeaderError> {
        self.maybe(Name::Replaces, Replaces::parse)
    }

    /// # Errors
    /// When it is repeated or malformed.
    pub fn event(&self) -> Result<Option<Event<'_>>, HeaderError> {
        self.maybe(Name::Event, Event::parse)
    }

    /// # Errors
    /// When it is repeated or malformed.
    pub fn subscription_state(&self) -> Result<Option<SubscriptionState<'_>>, HeaderError> {
        self.maybe(Name::SubscriptionState, SubscriptionState::parse)
    }

    /// Challenges or credentials, by the name asked for: several may be there, for several realms.
    pub fn auths(&self, name: Name) -> impl Iterator<Item = Result<Auth<'_>, HeaderError>> {
        let read = move |value| Auth::parse(value).map_err(|fault| HeaderError::new(name, fault));
        self.lines(name).map(read)
    }

    /// Whether a list of tokens (Require, Supported, Allow) names this one.
    pub fn names(&self, name: Name, token: &str) -> bool {
        list::names(self.lines(name), token.as_bytes())
    }
}
