//! Disks that fail on demand, under a file of redb.

use std::sync::Arc;

use redb::{StorageBackend, backends::FileBackend};

use super::*;

/// What a disk refuses.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// The next sync, and nothing else: what was written is there.
    pub(crate) sync_once: AtomicBool,
    /// The next write of bytes.
    pub(crate) write_once: AtomicBool,
    /// To sync, and to read and write afterwards, until it is taken back.
    pub(crate) from_sync_on: AtomicBool,
    gone: AtomicBool,
}

impl Faults {
    /// Ends whatever it was.
    pub(crate) fn end(&self) {
        for fault in [&self.sync_once, &self.write_once, &self.from_sync_on, &self.gone] {
            fault.store(false, Ordering::Relaxed);
        }
    }

    /// Fails when the disk is gone, or when `once` says so, which it does no more then.
    fn check(&self, once: Option<&AtomicBool>) -> Result<(), io::Error> {
        let fails = self.gone.load(Ordering::Relaxed)
            || once.is_some_and(|once| once.swap(false, Ordering::Relaxed));
        if fails { Err(io::Error::other("on demand")) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct Disk {
    file: FileBackend,
    faults: Arc<Faults>,
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        self.faults.check(None)?;
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.faults.check(None)?;
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.faults.check(None)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        if self.faults.from_sync_on.load(Ordering::Relaxed) {
            self.faults.gone.store(true, Ordering::Relaxed);
        }
        self.faults.check(Some(&self.faults.sync_once))?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.faults.check(Some(&self.faults.write_once))?;
        self.file.write(offset, data)
    }
}

impl DatabaseFile {
    /// Opens the file at `path`, or makes it, on a disk with `faults`.
    pub(crate) fn on_a_bad_disk(path: PathBuf, faults: &Arc<Faults>) -> Self {
        let faults = Arc::clone(faults);
        let open = move |path: &Path| {
            let mut options = File::options();
            let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
            let disk = Disk { file: FileBackend::new(file)?, faults: Arc::clone(&faults) };
            builder(1 << 20).create_with_backend(disk)
        };
        let database = open(&path);
        Self::opened(path, database, Box::new(open)).expect("opened")
    }
}
