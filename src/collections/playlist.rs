//! Playlists, as players read them: M3U in UTF-8, with paths from where the playlist is.

use std::fmt::Write;

use super::Shown;

/// The playlist of these tracks, for a directory that lies in the root of the tree.
pub(super) fn m3u8(tracks: &[Shown]) -> String {
    let mut text = String::from("#EXTM3U\n");
    for track in tracks {
        let secs = match track.length_ms {
            // To the nearest second, as is usual.
            Some(ms) => (ms.saturating_add(500) / 1000).to_string(),
            None => "-1".to_owned(),
        };
        let label = line(&format!("{} - {}", track.artist, track.title));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "#EXTINF:{secs},{label}\n../{}", track.path);
    }
    text
}

/// A text that has no line of its own.
fn line(text: &str) -> String {
    text.replace(|char: char| char.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use eventlog::TrackId;

    use super::*;

    #[test]
    fn a_playlist_tells_lengths_names_and_paths() {
        let track = |title: &str, length_ms| Shown {
            track: TrackId(1),
            path: "Björk/Post (1995) [FLAC]/05 - Hyperballad.flac".to_owned(),
            artist: "Björk".to_owned(),
            title: title.to_owned(),
            length_ms,
        };
        let text = m3u8(&[track("Hyperballad", Some(321_500)), track("a\nb", None)]);
        let path = "../Björk/Post (1995) [FLAC]/05 - Hyperballad.flac";
        assert_eq!(
            text,
            format!(
                "#EXTM3U\n#EXTINF:322,Björk - Hyperballad\n{path}\n#EXTINF:-1,Björk - a b\n{path}\n"
            )
        );
        assert_eq!(m3u8(&[]), "#EXTM3U\n");
    }
}
