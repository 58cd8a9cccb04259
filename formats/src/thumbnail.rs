//! Pictures made smaller.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::error::{LimitError, LimitErrorKind};
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbImage};

/// What a smaller picture has to fit into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Pixels of its longer side, at most.
    pub side: u32,
    /// Bytes of its file, exactly.
    pub bytes: usize,
}

/// Pixels of either side of a picture that is looked at, and bytes that its pixels may take. Reading it may
/// take as much again twice.
const MAX_SIDE: u32 = 16_384;
const MAX_MEMORY: u64 = 96 << 20;

/// How good a JPEG is tried to be, the best first.
const QUALITIES: [u8; 6] = [85, 75, 60, 40, 20, 5];

/// What begins a comment (ITU-T T.81, B.1.1.3), and what one takes beside its body.
const COMMENT: [u8; 2] = [0xff, 0xfe];
const OVERHEAD: usize = 4;

/// Most that one comment holds: its length is told in 16 bits, themselves included.
const LONGEST: usize = u16::MAX as usize - 2;

/// Why a picture cannot be made smaller.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// It is no JPEG, PNG or WebP, is damaged, or larger than is looked at.
    #[error("it is no JPEG, PNG or WebP that can be read: {0}")]
    Unreadable(#[source] ImageError),
    /// It does not fit.
    #[error("it does not fit into {0} bytes")]
    TooLarge(usize),
}

/// A picture as a JPEG that fits into a frame, upright. It is not made larger; its file always has as
/// many bytes as the frame says, with comments in it that mean nothing (B.2.4.5): so how long it is is
/// known before it is made.
///
/// A picture is hostile: its pixels may take 96 MiB of memory and a side have 16,384 of them, and no more.
///
/// # Errors
/// See [`PictureError`].
pub fn shrink(picture: &[u8], frame: Frame) -> Result<Vec<u8>, PictureError> {
    let small = opaque(decode(picture, frame.side).map_err(PictureError::Unreadable)?);
    for quality in QUALITIES {
        let mut jpeg = Vec::with_capacity(frame.bytes);
        let encoder = JpegEncoder::new_with_quality(&mut jpeg, quality);
        small
            .write_with_encoder(encoder)
            .map_err(PictureError::Unreadable)?;
        if let Some(jpeg) = filled(&jpeg, frame.bytes) {
            return Ok(jpeg);
        }
    }
    Err(PictureError::TooLarge(frame.bytes))
}

fn decode(picture: &[u8], side: u32) -> Result<DynamicImage, ImageError> {
    let mut reader = ImageReader::new(Cursor::new(picture)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    // What limits hold differs from format to format: none looks at the whole.
    if decoder.total_bytes() > MAX_MEMORY {
        let kind = LimitErrorKind::InsufficientMemory;
        return Err(ImageError::Limits(LimitError::from_kind(kind)));
    }
    let orientation = decoder.orientation()?;
    let image = DynamicImage::from_decoder(decoder)?;
    let mut small = if image.width().max(image.height()) > side {
        image.resize(side, side, FilterType::Triangle)
    } else {
        image
    };
    small.apply_orientation(orientation);
    Ok(small)
}

/// What is seen through a picture is white.
fn opaque(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    let (width, height) = image.dimensions();
    let mut pixels = Vec::with_capacity(image.len());
    for pixel in image.pixels() {
        let [colors @ .., alpha] = pixel.0.map(u32::from);
        let over = |color: u32| ((color * alpha + 255 * (255 - alpha)) / 255) as u8;
        pixels.extend(colors.map(over));
    }
    RgbImage::from_raw(width, height, pixels).unwrap_or_default()
}

/// A JPEG with comments behind its header, so that it has `len` bytes; none where it has more already, or
/// so many that no comment fits.
fn filled(jpeg: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut rest = len.checked_sub(jpeg.len())?;
    let (head, tail) = jpeg.split_at_checked(header(jpeg)?)?;
    let mut filled = Vec::with_capacity(len);
    filled.extend(head);
    while rest > 0 {
        let mut body = rest.checked_sub(OVERHEAD)?.min(LONGEST);
        // What is left is not to be less than a comment takes.
        if (1..OVERHEAD).contains(&(rest - body - OVERHEAD)) {
            body -= OVERHEAD;
        }
        let told = u16::try_from(body + 2).ok()?;
        filled.extend(COMMENT);
        filled.extend(told.to_be_bytes());
        filled.resize(filled.len() + body, 0);
        rest -= body + OVERHEAD;
    }
    filled.extend(tail);
    Some(filled)
}

/// How many bytes of a JPEG come before all but its JFIF header, which is to stand first.
fn header(jpeg: &[u8]) -> Option<usize> {
    match jpeg {
        [0xff, 0xd8, 0xff, 0xe0, high, low, ..] => {
            Some(4 + usize::from(u16::from_be_bytes([*high, *low])))
        }
        [0xff, 0xd8, ..] => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgba, RgbaImage};

    const FRAME: Frame = Frame {
        side: 150,
        bytes: 16 << 10,
    };

    fn noise(width: u32, height: u32) -> RgbaImage {
        let mut state = 1_u32;
        RgbaImage::from_fn(width, height, |_, _| {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            Rgba([next(), next(), next(), 255])
        })
    }

    fn encoded(image: &RgbaImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        let image = DynamicImage::from(image.clone());
        let image = match format {
            ImageFormat::Jpeg => DynamicImage::from(image.into_rgb8()),
            _ => image,
        };
        image
            .write_to(&mut Cursor::new(&mut bytes), format)
            .unwrap();
        bytes
    }

    fn size(jpeg: &[u8]) -> (u32, u32) {
        let image = image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).unwrap();
        (image.width(), image.height())
    }

    #[test]
    fn every_picture_fits_exactly() {
        let sizes = [
            ((1, 1), (1, 1)),
            ((150, 150), (150, 150)),
            ((3000, 150), (150, 8)),
            ((640, 480), (150, 113)),
        ];
        for ((width, height), fits) in sizes {
            for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
                let picture = encoded(&noise(width, height), format);
                let small = shrink(&picture, FRAME).unwrap();
                assert_eq!(small.len(), FRAME.bytes);
                assert_eq!(size(&small), fits, "{format:?}");
                assert_eq!(small, shrink(&picture, FRAME).unwrap());
            }
        }
    }

    #[test]
    fn what_is_left_is_filled_whatever_it_is() {
        let jpeg = encoded(&noise(8, 8), ImageFormat::Jpeg);
        let shown = |jpeg: &[u8]| image::load_from_memory(jpeg).unwrap().into_rgb8();
        for more in [0, 4, 5, 11, 65_530, 65_535, 65_536, 65_540, 70_000, 140_000] {
            let filled = filled(&jpeg, jpeg.len() + more).unwrap();
            assert_eq!(filled.len(), jpeg.len() + more);
            assert_eq!(shown(&filled), shown(&jpeg), "{more}");
        }
        for more in 1..4 {
            assert_eq!(filled(&jpeg, jpeg.len() + more), None);
        }
        assert_eq!(filled(&jpeg, jpeg.len() - 1), None);
        assert_eq!(filled(b"no picture", 1000), None);
    }

    #[test]
    fn what_is_seen_through_is_white() {
        let picture = encoded(
            &RgbaImage::from_pixel(9, 9, Rgba([0, 0, 0, 0])),
            ImageFormat::Png,
        );
        let small = shrink(&picture, FRAME).unwrap();
        let image = image::load_from_memory(&small).unwrap().into_rgb8();
        let darkest = image.iter().min();
        assert!(darkest > Some(&250), "{darkest:?}");
    }

    #[test]
    fn hostile_pictures_are_refused() {
        let unreadable = |bytes: &[u8]| {
            let refused = shrink(bytes, FRAME);
            assert!(
                matches!(refused, Err(PictureError::Unreadable(_))),
                "{refused:?}"
            );
        };
        unreadable(b"");
        unreadable(b"GIF89a");
        let mut picture = encoded(&noise(64, 64), ImageFormat::Png);
        // So many pixels a side, by what it says; its checksum is made to fit.
        for side in [60_000_u32, 16_000, 5_100] {
            picture[16..20].copy_from_slice(&side.to_be_bytes());
            picture[20..24].copy_from_slice(&side.to_be_bytes());
            let sum = crc32(&picture[12..29]).to_be_bytes();
            picture[29..33].copy_from_slice(&sum);
            let refused = shrink(&picture, FRAME).unwrap_err().to_string();
            assert!(
                refused.contains("imit") || refused.contains("nsufficient"),
                "{refused}"
            );
        }
        let whole = encoded(&noise(64, 64), ImageFormat::Png);
        unreadable(&whole[..whole.len() / 2]);
        let tight = Frame {
            side: 150,
            bytes: 100,
        };
        let refused = shrink(&whole, tight);
        assert!(matches!(refused, Err(PictureError::TooLarge(100))));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
                (sum >> 1) ^ (0xedb8_8320 * (sum & 1))
            })
        })
    }
}
