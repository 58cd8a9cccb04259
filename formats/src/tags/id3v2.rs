//! ID3v2.2, 2.3 and 2.4 (<https://id3.org/Developer_Information>): the tag and its frames'
//! framing. What a frame means is told by [`id3v2_frames`](super::id3v2_frames).

use std::io;

use eventlog::tags::DefectKind;

use super::id3v2_frames::Frames;
use crate::bytes::Bytes;
use crate::layer::{Layer, MAX_VALUE};
use crate::picture::{self, Cover, Picture};
use crate::sheet::Sheet;
use crate::source::Source;
use crate::stream::{Part, Plain, Stream, Unsynchronised, resynchronised};

/// Bytes of a tag's header, and of its footer.
const HEADER: u64 = 10;

/// How many frames are looked at.
const MAX_FRAMES: usize = 4096;

/// Bytes read of a frame: the longest value in UTF-16, and room for language and description.
const MAX_FRAME: usize = 2 * MAX_VALUE + 1024;

/// A tag's header.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    version: u8,
    flags: u8,
    size: u64,
}

/// The header that `bytes` begin with.
pub(crate) fn header(bytes: &[u8]) -> Option<Header> {
    let mut bytes = Bytes(bytes);
    bytes.tag(b"ID3")?;
    let [version, revision, flags] = bytes.array()?;
    let size = synchsafe(bytes.array()?)?;
    (version != 0xff && revision != 0xff).then_some(Header {
        version,
        flags,
        size: u64::from(size),
    })
}

impl Header {
    /// Bytes of the whole tag.
    pub(crate) fn len(self) -> u64 {
        let footer = if self.version == 4 && self.flags & 0x10 != 0 {
            HEADER
        } else {
            0
        };
        HEADER + self.size + footer
    }
}

/// What a tag says.
struct Read {
    /// The fields.
    layer: Layer,
    /// What is wrong with it.
    trouble: Option<&'static str>,
}

/// Lays the tag at `offset` onto the sheet, and what is wrong with it.
///
/// # Errors
/// What the origin said.
pub(crate) fn lay(
    source: &mut Source<'_>,
    sheet: &mut Sheet,
    offset: u64,
    header: Header,
) -> io::Result<()> {
    let read = read(source, offset, header)?;
    if let Some(trouble) = read.trouble {
        sheet.defect(DefectKind::BadTags, trouble);
    }
    sheet.lay(read.layer);
    Ok(())
}

/// Reads the tag at `offset`, its pictures only as far as to know how large they are.
fn read(source: &mut Source<'_>, offset: u64, header: Header) -> io::Result<Read> {
    let start = offset + HEADER;
    let end = start + header.size;
    let cut = end > source.len();
    let mut plain = Plain::new(source, start, end);
    let mut read = match header.version {
        2 if header.flags & 0x40 != 0 => Read {
            layer: Layer::new(),
            trouble: Some("the ID3v2.2 tag is compressed"),
        },
        2..=3 if header.flags & 0x80 != 0 => frames(&mut Unsynchronised::new(plain), header)?,
        2..=4 => frames(&mut plain, header)?,
        _ => Read {
            layer: Layer::new(),
            trouble: Some("the ID3v2 tag is of an unknown version"),
        },
    };
    if cut {
        read.trouble
            .get_or_insert("the ID3v2 tag claims to be longer than the file");
    }
    Ok(read)
}

fn frames(stream: &mut impl Stream, tag: Header) -> io::Result<Read> {
    let mut frames = Frames::default();
    let mut cover = Cover::default();
    let mut trouble = None;
    if tag.version > 2 && tag.flags & 0x40 != 0 {
        skip_extended_header(stream, tag)?;
    }
    for _ in 0..MAX_FRAMES {
        let Some(frame) = Framing::read(stream, tag)? else {
            break;
        };
        if !frame.valid {
            trouble.get_or_insert("a frame of the ID3v2 tag is damaged, what follows is lost");
            break;
        }
        if matches!(&frame.id, b"APIC" | b"PIC0") {
            cover.offer(frame.picture(tag, stream, &cover)?);
            continue;
        }
        if !Frames::wants(frame.id) {
            stream.skip(frame.size)?;
            continue;
        }
        let size = usize::try_from(frame.size).unwrap_or(usize::MAX);
        let body = stream.take(size.min(MAX_FRAME))?;
        if body.len() < size.min(MAX_FRAME) {
            trouble.get_or_insert("the last frame of the ID3v2 tag is cut off");
        }
        stream.skip(frame.size - body.len() as u64)?;
        match frame.contents(tag, body) {
            Some(body) => frames.add(frame.id, &body),
            None => trouble = Some("a compressed or encrypted frame was left out"),
        }
    }
    let mut layer = frames.finish();
    layer.cover = cover;
    Ok(Read { layer, trouble })
}

fn skip_extended_header(stream: &mut impl Stream, tag: Header) -> io::Result<()> {
    let Some(size) = stream.array::<4>()? else {
        return Ok(());
    };
    // In 2.4 the size is synchsafe and counts itself.
    let rest = match tag.version {
        3 => u32::from_be_bytes(size),
        _ => synchsafe(size).unwrap_or(0).saturating_sub(4),
    };
    stream.skip(rest.into()).map(drop)
}

/// A frame's header, its name in the spelling of 2.3 and 2.4.
struct Framing {
    id: [u8; 4],
    size: u64,
    flags: u8,
    valid: bool,
}

impl Framing {
    /// The next frame's header; nothing where padding or the tag's end follows.
    fn read(stream: &mut impl Stream, tag: Header) -> io::Result<Option<Self>> {
        let head = stream.take(if tag.version == 2 { 6 } else { 10 })?;
        if head.first().is_none_or(|byte| *byte == 0) {
            return Ok(None);
        }
        let mut bytes = Bytes(&head);
        let parsed = if tag.version == 2 {
            bytes
                .array()
                .map(upgraded)
                .zip(bytes.u24_be())
                .map(|(id, size)| (id, size, 0))
        } else {
            let (id, size) = (bytes.array(), bytes.array());
            let flags = bytes.u16_be().map(|flags| flags.to_be_bytes()[1]);
            match (id, size, flags) {
                (Some(id), Some(size), Some(flags)) if tag.version == 4 => {
                    Some((id, frame_size(stream, size)?, flags))
                }
                (Some(id), Some(size), Some(flags)) => Some((id, u32::from_be_bytes(size), flags)),
                _ => None,
            }
        };
        let (id, size, flags) = parsed.unwrap_or_default();
        let valid = is_id(&id);
        Ok(Some(Self {
            id,
            size: size.into(),
            flags,
            valid,
        }))
    }

    /// What the frame's flags put around its contents; none where they are hidden by it.
    fn wrapping(&self, tag: Header) -> Option<Wrapping> {
        let (hidden, grouped, counted, unsynchronised) = match tag.version {
            3 => (self.flags & 0xc0 != 0, self.flags & 0x20 != 0, false, false),
            4 => (
                self.flags & 0x0c != 0,
                self.flags & 0x40 != 0,
                self.flags & 0x01 != 0,
                self.flags & 0x02 != 0 || tag.flags & 0x80 != 0,
            ),
            _ => (false, false, false, false),
        };
        (!hidden).then_some(Wrapping {
            before: usize::from(grouped) + if counted { 4 } else { 0 },
            unsynchronised,
        })
    }

    /// The frame's contents, freed of what its flags put around them.
    fn contents(&self, tag: Header, body: Vec<u8>) -> Option<Vec<u8>> {
        let Wrapping {
            before,
            unsynchronised,
        } = self.wrapping(tag)?;
        let body = if unsynchronised {
            resynchronised(body)
        } else {
            body
        };
        Some(if before == 0 {
            body
        } else {
            body.get(before..).unwrap_or_default().to_vec()
        })
    }

    /// The picture in the frame, which is stepped over, where `cover` wants it.
    fn picture(
        &self,
        tag: Header,
        stream: &mut impl Stream,
        cover: &Cover,
    ) -> io::Result<Option<Picture>> {
        let mut frame = Part::new(stream, self.size);
        let old = tag.version == 2;
        let picture = match self.wrapping(tag) {
            // How large it is, only its bytes tell: they are read.
            Some(wrapping) if wrapping.unsynchronised && self.size <= picture::LARGEST_READ => {
                let mut contents = Unsynchronised::new(&mut frame);
                contents.skip(wrapping.before as u64)?;
                picture::of_frame(&mut contents, old, cover)?
            }
            Some(wrapping) if !wrapping.unsynchronised => {
                frame.skip(wrapping.before as u64)?;
                picture::of_frame(&mut frame, old, cover)?
            }
            _ => None,
        };
        let whole = frame.finish()?;
        Ok(picture.filter(|_| whole))
    }
}

/// What stands around a frame's contents.
struct Wrapping {
    /// Bytes before them.
    before: usize,
    unsynchronised: bool,
}

/// A 2.4 frame's size: synchsafe, but plain where an old iTunes wrote it. Told by what stands
/// behind the frame.
fn frame_size(stream: &mut impl Stream, raw: [u8; 4]) -> io::Result<u32> {
    let plain = u32::from_be_bytes(raw);
    let Some(safe) = synchsafe(raw) else {
        return Ok(plain);
    };
    if plain == safe {
        return Ok(safe);
    }
    let fits = |next: &[u8]| next.iter().all(|byte| *byte == 0) || is_id(next);
    if !fits(&stream.ahead(safe.into(), 4)?) {
        let next = stream.ahead(plain.into(), 4)?;
        if !next.is_empty() && fits(&next) {
            return Ok(plain);
        }
    }
    Ok(safe)
}

fn is_id(id: &[u8]) -> bool {
    id.len() == 4
        && id
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The number in four bytes of seven bits.
fn synchsafe(bytes: [u8; 4]) -> Option<u32> {
    bytes.iter().try_fold(0, |sum, byte| {
        (*byte < 0x80).then_some((sum << 7) | u32::from(*byte))
    })
}

/// The four-letter name of a 2.2 frame; one that has none is called by three letters and `0`.
fn upgraded(id: [u8; 3]) -> [u8; 4] {
    match &id {
        b"TT1" => *b"TIT1",
        b"TT2" => *b"TIT2",
        b"TT3" => *b"TIT3",
        b"TP1" => *b"TPE1",
        b"TP2" => *b"TPE2",
        b"TP3" => *b"TPE3",
        b"TP4" => *b"TPE4",
        b"TAL" => *b"TALB",
        b"TRK" => *b"TRCK",
        b"TPA" => *b"TPOS",
        b"TYE" => *b"TYER",
        b"TDA" => *b"TDAT",
        b"TOR" => *b"TORY",
        b"TCO" => *b"TCON",
        b"TCM" => *b"TCOM",
        b"TXT" => *b"TEXT",
        b"TCR" => *b"TCOP",
        b"TCP" => *b"TCMP",
        b"TST" => *b"TSOT",
        b"TSP" => *b"TSOP",
        b"TSA" => *b"TSOA",
        b"TS2" => *b"TSO2",
        b"TSC" => *b"TSOC",
        b"TRC" => *b"TSRC",
        b"TPB" => *b"TPUB",
        b"TBP" => *b"TBPM",
        b"TSS" => *b"TSSE",
        b"TEN" => *b"TENC",
        b"TMT" => *b"TMED",
        b"TLA" => *b"TLAN",
        b"TKE" => *b"TKEY",
        b"TOT" => *b"TOAL",
        b"TOA" => *b"TOPE",
        b"TOL" => *b"TOLY",
        b"TXX" => *b"TXXX",
        b"WXX" => *b"WXXX",
        b"WAF" => *b"WOAF",
        b"WAR" => *b"WOAR",
        b"WAS" => *b"WOAS",
        b"WCM" => *b"WCOM",
        b"WCP" => *b"WCOP",
        b"WPB" => *b"WPUB",
        b"POP" => *b"POPM",
        b"CNT" => *b"PCNT",
        b"COM" => *b"COMM",
        b"ULT" => *b"USLT",
        b"UFI" => *b"UFID",
        b"IPL" => *b"IPLS",
        [a, b, c] => [*a, *b, *c, b'0'],
    }
}
