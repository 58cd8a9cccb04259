//! What tags are called, in every kind of tag that names its fields in words (Vorbis comments,
//! APEv2, `TXXX`, MP4 freeform atoms), and which of our fields they mean.

use eventlog::Field;

use crate::text;

/// What a named tag means.
pub(crate) enum Meaning {
    /// That field.
    Field(Field),
    /// That field where nothing better says it, else a custom tag of the name.
    Spare(Field, String),
    /// What encoded the file.
    Encoder,
    /// A picture or other matter that is no text.
    Nothing,
}

/// The meaning of a tag's name, whatever its case, blanks, `_` and `-`.
pub(crate) fn meaning(name: &str) -> Meaning {
    let upper = text::name(name);
    let squeezed: String = upper
        .chars()
        .filter(|c| !matches!(c, ' ' | '_' | '-'))
        .collect();
    if let Some(field) = known(&squeezed) {
        return Meaning::Field(field);
    }
    if let Some(field) = spare(&squeezed) {
        return Meaning::Spare(field, upper);
    }
    match &*squeezed {
        "ENCODER" | "ENCODERSOFTWARE" => Meaning::Encoder,
        "METADATABLOCKPICTURE" | "COVERART" | "COVERARTMIME" | "" => Meaning::Nothing,
        "MUSICBRAINZRELEASETRACKID" => custom("MUSICBRAINZ_RELEASETRACKID"),
        "MUSICBRAINZWORKID" => custom("MUSICBRAINZ_WORKID"),
        "MUSICBRAINZDISCID" => custom("MUSICBRAINZ_DISCID"),
        "MUSICBRAINZALBUMTYPE" | "RELEASETYPE" => custom("RELEASETYPE"),
        "MUSICBRAINZALBUMSTATUS" | "RELEASESTATUS" => custom("RELEASESTATUS"),
        "MUSICBRAINZALBUMRELEASECOUNTRY" | "RELEASECOUNTRY" => custom("RELEASECOUNTRY"),
        "ACOUSTIDFINGERPRINT" => custom("ACOUSTID_FINGERPRINT"),
        _ => custom(&upper),
    }
}

fn custom(name: &str) -> Meaning {
    Meaning::Field(Field::Custom(text::cut(name, 256).into()))
}

/// Names that can mean only that field.
fn known(name: &str) -> Option<Field> {
    Some(match name {
        "TITLE" => Field::Title,
        "ARTIST" => Field::Artist,
        "ALBUM" => Field::Album,
        "ALBUMARTIST" => Field::AlbumArtist,
        "GENRE" => Field::Genre,
        "DATE" => Field::Date,
        "ORIGINALDATE" | "ORIGINALRELEASEDATE" => Field::OriginalDate,
        "TRACKNUMBER" | "TRACK" => Field::Track,
        "TRACKTOTAL" | "TOTALTRACKS" => Field::TrackTotal,
        "DISCNUMBER" | "DISC" | "DISKNUMBER" | "DISK" => Field::Disc,
        "DISCTOTAL" | "TOTALDISCS" | "DISKTOTAL" | "TOTALDISKS" => Field::DiscTotal,
        "COMPOSER" => Field::Composer,
        "COMMENT" => Field::Comment,
        "LYRICS" | "UNSYNCEDLYRICS" => Field::Lyrics,
        "COPYRIGHT" => Field::Copyright,
        "COMPILATION" | "ITUNESCOMPILATION" => Field::Compilation,
        "TITLESORT" | "TITLESORTORDER" => Field::TitleSort,
        "ARTISTSORT" | "ARTISTSORTORDER" => Field::ArtistSort,
        "ALBUMSORT" | "ALBUMSORTORDER" => Field::AlbumSort,
        "ALBUMARTISTSORT" | "ALBUMARTISTSORTORDER" => Field::AlbumArtistSort,
        "MUSICBRAINZTRACKID" | "MUSICBRAINZRECORDINGID" => Field::MusicBrainzTrackId,
        "MUSICBRAINZALBUMID" | "MUSICBRAINZRELEASEID" => Field::MusicBrainzAlbumId,
        "MUSICBRAINZARTISTID" => Field::MusicBrainzArtistId,
        "MUSICBRAINZALBUMARTISTID" => Field::MusicBrainzAlbumArtistId,
        "MUSICBRAINZRELEASEGROUPID" => Field::MusicBrainzReleaseGroupId,
        "ACOUSTIDID" => Field::AcoustId,
        "ISRC" => Field::Isrc,
        "LABEL" => Field::Label,
        "CATALOGNUMBER" | "CATALOGUENUMBER" | "CATALOG" => Field::CatalogNumber,
        "REPLAYGAINTRACKGAIN" => Field::ReplayGainTrackGain,
        "REPLAYGAINTRACKPEAK" => Field::ReplayGainTrackPeak,
        "REPLAYGAINALBUMGAIN" => Field::ReplayGainAlbumGain,
        "REPLAYGAINALBUMPEAK" => Field::ReplayGainAlbumPeak,
        "BPM" => Field::Bpm,
        _ => return None,
    })
}

/// Names that mean that field to some writers and something of their own to others.
fn spare(name: &str) -> Option<Field> {
    Some(match name {
        "YEAR" => Field::Date,
        "ORIGINALYEAR" | "ORIGYEAR" => Field::OriginalDate,
        "ARTISTS" => Field::Artist,
        "ALBUMARTISTS" => Field::AlbumArtist,
        "DESCRIPTION" => Field::Comment,
        "PUBLISHER" | "ORGANIZATION" | "ORGANISATION" => Field::Label,
        "TEMPO" => Field::Bpm,
        _ => return None,
    })
}
