//! What is left after a crash, and who may work in a state folder?

use super::simulated::SimulatedDisk;
use super::*;

/// Schedules that the usual test run tries; `SIDEREUS_SCHEDULES` sets another number.
const SCHEDULES: u64 = 300;

fn account() -> Account {
    Account::named(Some("ada"), "")
}

fn content(number: u64) -> Vec<u8> {
    let bytes = usize::try_from(number % 7 + 1).unwrap() * 40;
    (0..bytes).map(|index| (number as usize * 31 + index * 7) as u8 | 1).collect()
}

fn put(storage: &Storage, name: &str, bytes: &[u8]) -> Result<Charge, StorageError> {
    let mut writer = storage.write(account())?;
    for piece in bytes.chunks(16) {
        writer.write(piece)?;
    }
    storage.publish(writer.finish()?, Shelf::Results, name)
}

/// What was told to be there is there, whole; what was not is absent or whole, and never a part of it.
#[test]
fn a_named_file_is_whole_whatever_the_disk_forgets() {
    let schedules = std::env::var("SIDEREUS_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(SCHEDULES);
    let (mut cut, mut told) = (0_u32, 0_u32);
    for seed in 0..schedules {
        let folder = tempfile::tempdir().unwrap();
        let disk = SimulatedDisk::default();
        let storage = Storage::open_on(Arc::new(disk.clone()), folder.path(), StorageLimits::default()).unwrap();
        disk.fail_after(u32::try_from(seed % 97).unwrap());
        let mut promised = Vec::new();
        for number in 0..6 {
            match put(&storage, &format!("r{number}"), &content(seed + number)) {
                Ok(_charge) => promised.push(number),
                Err(_power) => break,
            }
        }
        cut += u32::from(promised.len() < 6);
        told += u32::try_from(promised.len()).unwrap();
        drop(storage);
        let after = disk.crashed(seed);
        for number in 0..6 {
            let path = folder.path().join("results").join(format!("r{number}"));
            let found = after.read(&path);
            assert!(found.is_some() || !promised.contains(&number), "schedule {seed}: r{number} is lost");
            assert!(found.is_none_or(|bytes| bytes == content(seed + number)), "schedule {seed}: r{number} is damaged");
        }
        let storage = Storage::open_on(Arc::new(after.clone()), folder.path(), StorageLimits::default()).unwrap();
        assert_eq!(
            after.list(&storage.spool()).unwrap(),
            Vec::<String>::new(),
            "schedule {seed}: the spool is emptied"
        );
    }
    assert!(cut > 50 && told > 50, "{cut} schedules were cut, {told} files were promised");
}

#[test]
fn what_is_not_finished_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path(), StorageLimits::default()).unwrap();
    let mut writer = storage.write(account()).unwrap();
    writer.write(b"half").unwrap();
    assert!(storage.ledger().held(&account()) >= 4);
    drop(writer);
    let mut writer = storage.write(account()).unwrap();
    writer.write(b"whole").unwrap();
    drop(writer.finish().unwrap());
    assert_eq!(std::fs::read_dir(storage.spool()).unwrap().count(), 0);
    assert_eq!(storage.ledger().held(&account()), 0);
}

#[test]
fn a_file_costs_its_bytes_up_to_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let limits = StorageLimits { account_bytes: 100, free_bytes: 0 };
    let storage = Storage::open(folder.path(), limits).unwrap();
    let charge = put(&storage, "a", &[7; 60]).unwrap();
    assert!(matches!(put(&storage, "b", &[7; 41]), Err(StorageError::Quota { .. })));
    let second = put(&storage, "b", &[7; 40]).unwrap();
    assert_eq!((charge.bytes(), second.bytes()), (60, 40));
    storage.remove(Shelf::Results, "a").unwrap();
    storage.remove(Shelf::Results, "a").unwrap();
    assert_eq!(storage.names(Shelf::Results).unwrap(), ["b"]);
}

#[test]
fn a_state_folder_has_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let first = Storage::open(folder.path(), StorageLimits::default()).unwrap();
    let error = Storage::open(folder.path(), StorageLimits::default()).unwrap_err();
    assert!(matches!(error, StorageError::InUse(_)), "{error}");
    drop(first);
    Storage::open(folder.path(), StorageLimits::default()).unwrap();
}
