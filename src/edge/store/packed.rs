//! Long texts as they are stored: compressed, behind a byte that names the format.

/// First byte: LZ4 (block format, with its length in front).
const FORMAT_LZ4: u8 = 1;
/// Bytes of a text that is read; what claims to hold more was not written here.
const TEXT_BYTES_MAX: u32 = 256 * 1_024 * 1_024;

/// Why a text cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotPacked {
    #[error("it is empty")]
    Empty,
    #[error("its format is {0}, of a newer version")]
    Format(u8),
    #[error("it claims to hold {0} bytes")]
    TooLong(u32),
    #[error("{0}")]
    Compression(#[from] lz4_flex::block::DecompressError),
    #[error("{0}")]
    Text(#[from] std::string::FromUtf8Error),
}

pub(super) fn pack(text: &str) -> Vec<u8> {
    let mut packed = vec![FORMAT_LZ4];
    packed.extend(lz4_flex::compress_prepend_size(text.as_bytes()));
    packed
}

pub(super) fn unpack(body: &[u8]) -> Result<String, NotPacked> {
    let packed = match body.split_first() {
        Some((&FORMAT_LZ4, packed)) => packed,
        Some((format, _)) => return Err(NotPacked::Format(*format)),
        None => return Err(NotPacked::Empty),
    };
    let length = packed.first_chunk().map_or(u32::MAX, |length| u32::from_le_bytes(*length));
    if length > TEXT_BYTES_MAX {
        return Err(NotPacked::TooLong(length));
    }
    Ok(String::from_utf8(lz4_flex::decompress_size_prepended(packed)?)?)
}
