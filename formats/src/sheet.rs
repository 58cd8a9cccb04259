//! What has been found out about a file so far.

use eventlog::tags::{AudioFormat, AudioProperties, ByteRange, Defect, DefectKind, Tags};

use crate::identity::Essence;
use crate::layer::{Allowance, Layer};
use crate::picture::Cover;

/// How many defects of a file are worth telling.
const MAX_DEFECTS: usize = 16;

/// The findings of a container's parser.
pub(crate) struct Sheet {
    /// The format, as the content tells it.
    pub(crate) format: AudioFormat,
    /// How the file sounds.
    pub(crate) audio: AudioProperties,
    /// Where its audio is.
    pub(crate) range: ByteRange,
    /// What its identity is computed from.
    pub(crate) essence: Essence,
    /// Its picture.
    pub(crate) cover: Cover,
    tags: Tags,
    vendor: Option<String>,
    allowance: Allowance,
    defects: Vec<Defect>,
}

impl Sheet {
    pub(crate) fn new(format: AudioFormat) -> Self {
        Self {
            format,
            audio: AudioProperties::default(),
            range: ByteRange::default(),
            essence: Essence::Samples,
            cover: Cover::default(),
            tags: Tags::new(),
            vendor: None,
            allowance: Allowance::new(),
            defects: Vec::new(),
        }
    }

    /// Adds one tag below those already there: each of its fields counts where no tag above has
    /// that field.
    pub(crate) fn lay(&mut self, mut layer: Layer) {
        self.cover.lay(std::mem::take(&mut layer.cover));
        let (tags, encoder, exceeded) = layer.finish();
        for (field, values) in tags.iter() {
            if self.tags.all(field).is_empty() {
                for value in values {
                    if let Some(value) = self.allowance.admit(value) {
                        self.tags.push(field.clone(), value);
                    }
                }
            }
        }
        if self.audio.encoder.is_none() {
            self.audio.encoder = encoder;
        }
        self.allowance.exceeded |= exceeded;
    }

    /// Says whose library wrote the stream, which is told as its encoder where no tag is.
    pub(crate) fn vendor(&mut self, vendor: String) {
        self.vendor = self.vendor.take().or(Some(vendor));
    }

    /// Notes something wrong, once.
    pub(crate) fn defect(&mut self, kind: DefectKind, detail: impl Into<String>) {
        let defect = Defect {
            kind,
            detail: detail.into(),
        };
        if self.defects.len() < MAX_DEFECTS && !self.defects.contains(&defect) {
            self.defects.push(defect);
        }
    }

    /// Notes that the file was not read to its end because of its tags. What it seemed to lack
    /// then was perhaps only not looked at.
    pub(crate) fn given_up(&mut self, detail: &str) {
        self.defects
            .retain(|defect| !matches!(defect.kind, DefectKind::Truncated | DefectKind::BadAudio));
        self.defect(DefectKind::BadTags, detail);
    }

    /// Sets the range of the audio: from `start` to before `end`.
    pub(crate) fn range(&mut self, start: u64, end: u64) {
        self.range = ByteRange {
            offset: start,
            len: end.saturating_sub(start),
        };
    }

    /// Sets the duration from samples at a rate.
    pub(crate) fn samples(&mut self, samples: u64, rate: u32) {
        if samples > 0 && rate > 0 {
            let ms = u128::from(samples) * 1000 / u128::from(rate);
            self.audio.duration_ms = u64::try_from(ms).ok();
        }
    }

    /// Computes the mean bitrate of `bytes` over the duration, where that is known.
    pub(crate) fn mean_bitrate(&mut self, bytes: u64) {
        if let Some(ms) = self.audio.duration_ms.filter(|ms| *ms > 0) {
            let kbps = u128::from(bytes) * 8 / u128::from(ms);
            self.audio.bitrate_kbps = u32::try_from(kbps).ok().filter(|kbps| *kbps > 0);
        }
    }

    /// Tags, sound and defects.
    pub(crate) fn finish(mut self) -> (Tags, AudioProperties, Vec<Defect>) {
        if self.allowance.exceeded {
            let detail = "a tag was longer than is kept (64 KiB a value, 256 values, 1 MiB)";
            self.defect(DefectKind::TooLong, detail);
        }
        let vendor = self.vendor.filter(|vendor| !vendor.is_empty());
        self.audio.encoder = self.audio.encoder.or(vendor);
        (self.tags, self.audio, self.defects)
    }
}
