"""Digests of files, and of folders as one thing: by content, or quickly by names, sizes and time stamps."""

import hashlib
from pathlib import Path

import harness

CHUNK_BYTES = 1 << 20


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes in hexadecimal, reading a chunk at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def content_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, or over the names and contents of all files below a folder."""
    if not path.is_dir():
        return file_sha256(path)
    lines = (f"{file.relative_to(path).as_posix()}\0{file_sha256(file)}\n" for file in files(path))
    return text_sha256("".join(lines))


def stat_sha256(path: Path) -> str:
    """Return the sha256 over the names, sizes and modification times of a file or of all files below a folder."""
    stats = ((file.relative_to(path).as_posix(), file.stat()) for file in files(path))
    return text_sha256("".join(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n" for name, stat in stats))


def text_sha256(text: str) -> str:
    """Return the sha256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def code_version(*sources: Path) -> str:
    """Return omgate's version and a digest of the code that makes something, so that changed code makes it again."""
    digest = text_sha256("".join(file_sha256(source) for source in sorted(sources) if source.is_file()))
    return f"{harness.__version__}+{digest[:12]}"


def files(path: Path) -> list[Path]:
    """Return all files below a folder in sorted order, or the file itself."""
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def size_bytes(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    return sum(file.stat().st_size for file in files(path))
