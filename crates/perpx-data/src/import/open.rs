//! Foreign files opened: what packs them, and which form they have inside.

use super::map::{FileMap, Form};
use crate::TapeError;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

/// A file's content on its way to a reader of its form.
pub enum Content {
    /// As it lies on disk, so that a reader may jump about in it.
    Plain(File),
    Unpacked(Box<dyn Read>),
}

impl Content {
    pub fn reader(self) -> Box<dyn Read> {
        match self {
            Content::Plain(file) => Box::new(file),
            Content::Unpacked(reader) => reader,
        }
    }
}

/// What a file holds, and its name without what packs it.
pub struct Opened {
    pub form: Form,
    pub name: String,
    pub content: Content,
}

/// Opens `path`; its name says what packs it and, unless the map does, which form it has.
pub fn open(path: &Path, map: &FileMap) -> Result<Opened, TapeError> {
    let failed = |what: String| TapeError::ImportFile { path: path.to_path_buf(), what };
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("").to_ascii_lowercase();
    let file = File::open(path).map_err(TapeError::io(path, "open the file"))?;
    checksum(path)?;
    let (stem, packing) = match name.rsplit_once('.') {
        Some((stem, packing @ ("gz" | "zst" | "xz" | "bz2" | "lz4" | "zip"))) => (stem.to_string(), packing),
        // numpy's archives are zips
        Some((stem, "npz")) => (format!("{stem}.npy"), "zip"),
        _ => (name.clone(), ""),
    };
    if packing != "zip" && map.member.is_some() {
        return Err(failed("member is for a .zip archive, which this is not".to_string()));
    }
    let (name, content) = match packing {
        "gz" => (stem, Content::Unpacked(Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))))),
        "bz2" => (stem, Content::Unpacked(Box::new(bzip2::read::MultiBzDecoder::new(file)))),
        "xz" => (stem, Content::Unpacked(Box::new(lzma_rust2::XzReader::new(BufReader::new(file), true)))),
        "zst" => {
            let reader = zstd::Decoder::new(file).map_err(|e| failed(e.to_string()))?;
            (stem, Content::Unpacked(Box::new(reader)))
        }
        "lz4" => (stem, Content::Unpacked(Box::new(Frames(lz4_flex::frame::FrameDecoder::new(BufReader::new(file)))))),
        "zip" => {
            let (member, bytes) = member_of(file, map.member.as_deref()).map_err(failed)?;
            let name = if form_of(&member).is_some() { member } else { stem };
            (name, Content::Unpacked(Box::new(Cursor::new(bytes))))
        }
        _ => (stem, Content::Plain(file)),
    };
    let form = map.format.or_else(|| form_of(&name)).ok_or_else(|| {
        failed(
            "its name says no known form; accepted: .csv, .tsv, .txt, .jsonl, .ndjson, .json, .parquet, .npy, each also as \
             .gz, .zst, .xz, .bz2, .lz4 or .zip, and .npz; or say format = \"csv\", \"json\", \"parquet\" or \"npy\""
                .to_string(),
        )
    })?;
    Ok(Opened { form, name, content })
}

fn form_of(name: &str) -> Option<Form> {
    match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "csv" | "tsv" | "txt" => Some(Form::Csv),
        "jsonl" | "ndjson" | "json" => Some(Form::Json),
        "parquet" => Some(Form::Parquet),
        "npy" => Some(Form::Npy),
        _ => None,
    }
}

/// LZ4 frames one after another: the decoder ends at each.
struct Frames<R: Read>(lz4_flex::frame::FrameDecoder<R>);

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(into)? {
            0 => self.0.read(into),
            read => Ok(read),
        }
    }
}

/// Holds a file against the SHA-256 that its archive puts beside it, `NAME.CHECKSUM`, where that is there.
fn checksum(path: &Path) -> Result<(), TapeError> {
    let beside = path.with_added_extension("CHECKSUM");
    let Ok(text) = std::fs::read_to_string(&beside) else { return Ok(()) };
    let wanted = text.split_whitespace().next().unwrap_or("").to_ascii_lowercase();
    let mut file = File::open(path).map_err(TapeError::io(path, "open the file"))?;
    let mut hash = Sha256::new();
    let mut piece = vec![0u8; 1 << 16];
    loop {
        match file.read(&mut piece).map_err(TapeError::io(path, "read the file"))? {
            0 => break,
            read => hash.update(&piece[..read]),
        }
    }
    let found = hex::encode(hash.finalize());
    let name = beside.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match found == wanted {
        true => Ok(()),
        false => Err(TapeError::ImportFile {
            path: path.to_path_buf(),
            what: format!(
                "its SHA-256 is {found}, and {name} beside it says {wanted}: get the file again, or delete {name}"
            ),
        }),
    }
}

/// One file of an archive, whole: the one asked for, or the only one.
fn member_of(file: File, wanted: Option<&str>) -> Result<(String, Vec<u8>), String> {
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| e.to_string())?;
    let mut names = Vec::new();
    for i in 0..archive.len() {
        let entry = archive.by_index_raw(i).map_err(|e| e.to_string())?;
        let name = entry.name().map_err(|e| e.to_string())?.into_owned();
        // what a Mac adds beside the files themselves
        if !entry.is_dir() && !name.starts_with("__MACOSX/") {
            names.push(name);
        }
    }
    let name = match (wanted, names.as_slice()) {
        (Some(wanted), names) if names.iter().any(|name| name == wanted) => wanted.to_string(),
        (None, [only]) => only.clone(),
        (Some(wanted), names) => return Err(format!("the archive holds no '{wanted}'; it has: {}", names.join(", "))),
        (None, []) => return Err("the archive holds no file".to_string()),
        (None, names) => {
            return Err(format!("the archive holds {} files; say member = one of: {}", names.len(), names.join(", ")));
        }
    };
    let mut bytes = Vec::new();
    let mut entry = archive.by_name(&name).map_err(|e| format!("{name}: {e}"))?;
    entry.read_to_end(&mut bytes).map_err(|e| format!("{name}: {e}"))?;
    drop(entry);
    Ok((name, bytes))
}
