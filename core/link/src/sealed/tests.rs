//! Memory files that are tables, and descriptors that are not.

use std::{fs::File, io::Write as _};

use rustix::fs::ftruncate;

use super::*;

fn memory(bytes: &[u8], seals: SealFlags) -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = memfd_create("test", flags).expect("a memory file");
    File::from(file.try_clone().expect("a clone")).write_all(bytes).expect("written");
    fcntl_add_seals(&file, seals).expect("sealed");
    file
}

#[test]
fn a_table_comes_out_as_it_went_in() {
    for size in [HEADER_BYTES, HEADER_BYTES + 1, 70_000, 3 << 20] {
        let bytes: Vec<u8> = (0..size).map(|at| at.to_le_bytes()[0]).collect();
        let table = SealedTable::create(&bytes).expect("sealed");
        let read = read_sealed(&table.0).expect("read");
        assert_eq!(read.as_slice(), bytes, "{size}");
        assert_eq!(read.as_ptr().align_offset(16), 0, "{size}");
    }
}

#[test]
fn a_sealed_table_cannot_be_changed() {
    let table = SealedTable::create(&[0; 100]).expect("sealed");
    assert_eq!(write(&table, b"x"), Err(Errno::PERM));
    assert_eq!(ftruncate(&table, 10), Err(Errno::PERM));
    assert_eq!(ftruncate(&table, 1000), Err(Errno::PERM));
    assert_eq!(fcntl_add_seals(&table, SealFlags::WRITE), Err(Errno::PERM));
}

#[test]
fn anything_but_a_sealed_memory_file_is_refused() {
    let none = SealFlags::empty();
    let two = SealFlags::WRITE | SealFlags::SHRINK;
    for seals in [none, SealFlags::WRITE, two, SealFlags::SHRINK | SealFlags::GROW] {
        let refused = read_sealed(memory(&[0; 100], seals));
        assert!(matches!(refused, Err(SealedError::NotSealed)), "{seals:?}");
    }
    let regular = tempfile::tempfile().expect("a file");
    let (pipe, _other_end) = rustix::pipe::pipe().expect("a pipe");
    let (stream, _peer) = std::os::unix::net::UnixStream::pair().expect("a socketpair");
    let null = OwnedFd::from(File::open("/dev/null").expect("the null device"));
    for descriptor in [OwnedFd::from(regular), pipe, OwnedFd::from(stream), null] {
        let refused = read_sealed(&descriptor).map(|_| ());
        // A regular file on a memory file system can be asked for seals, and has none.
        let expected = matches!(refused, Err(SealedError::NotMemory | SealedError::NotSealed));
        assert!(expected, "{refused:?}");
    }
}

#[test]
fn sizes_beyond_the_bounds_are_refused_before_they_are_read() {
    for size in [0, HEADER_BYTES - 1, FILE_BYTES_MAX + 1, FILE_BYTES_MAX * 1000] {
        let file = memory(&[], SealFlags::empty());
        ftruncate(&file, size as u64).expect("sized");
        fcntl_add_seals(&file, required_seals()).expect("sealed");
        let refused = read_sealed(&file).map(|_| ());
        let found = matches!(refused, Err(SealedError::Size { found }) if found == size as u64);
        assert!(found, "{size}: {refused:?}");
    }
    assert!(matches!(SealedTable::create(&[0; 63]), Err(SealedError::Size { found: 63 })));
}
