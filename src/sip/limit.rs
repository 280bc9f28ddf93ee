//! How much of a message is read before its sender is told that it is too much.

/// Bytes from the start line to the empty line. Ordinary heads have 300 to 2,000.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a body on a stream; a datagram bounds itself.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Header lines of one message.
pub const HEADER_LINES_MAX: usize = 256;
/// Parameters of one URI, and headers of one: comparing two URIs looks at each pair of them.
pub const URI_PARTS_MAX: usize = 64;

/// The bounds of one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub head_bytes_max: usize,
    pub body_bytes_max: usize,
    pub header_lines_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_bytes_max: HEAD_BYTES_MAX, body_bytes_max: BODY_BYTES_MAX, header_lines_max: HEADER_LINES_MAX }
    }
}
