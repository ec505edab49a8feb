//! How many bytes may somebody keep here?
//!
//! Every byte that is kept for somebody is on the account of a principal before it is written. An account has a limit, and
//! the disk has a floor: below it nothing more is written, whoever asks, while everything can still be read.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::StorageError;
use super::disk::Disk;

/// Who pays: a user, or the address of somebody without a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Account(String);

impl Account {
    /// The account of a user's name, or of an address where there is none.
    pub(crate) fn named(name: Option<&str>, origin: &str) -> Self {
        // No user's name begins so: see the check of the configuration.
        Self(name.map_or_else(|| format!(":{origin}"), str::to_owned))
    }
}

/// What is on each account, and what may be.
#[derive(Debug)]
pub(crate) struct Ledger {
    accounts: Mutex<HashMap<Account, u64>>,
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// Bytes of one account; 0 is unlimited.
    most: u64,
    /// Bytes of the disk that are left alone.
    floor: u64,
}

impl Ledger {
    /// An empty ledger over a folder of a disk.
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: PathBuf, most: u64, floor: u64) -> Arc<Self> {
        Arc::new(Self { accounts: Mutex::default(), disk, folder, most, floor })
    }

    /// Opens a charge without bytes.
    pub(crate) fn charge(self: &Arc<Self>, account: Account) -> Charge {
        Charge { ledger: Arc::clone(self), account, bytes: 0 }
    }

    /// Enters bytes that lie there already, whatever the limits say.
    pub(crate) fn enter(self: &Arc<Self>, account: Account, bytes: u64) -> Charge {
        *self.accounts().entry(account.clone()).or_default() += bytes;
        Charge { ledger: Arc::clone(self), account, bytes }
    }

    /// Bytes on all accounts.
    pub(crate) fn total(&self) -> u64 {
        self.accounts().values().sum()
    }

    /// Bytes on an account.
    #[cfg(test)]
    pub(crate) fn held(&self, account: &Account) -> u64 {
        self.accounts().get(account).copied().unwrap_or_default()
    }

    fn add(&self, account: &Account, more: u64) -> Result<(), StorageError> {
        if self.floor > 0 {
            let free = self.disk.free(&self.folder)?;
            if free < self.floor.saturating_add(more) {
                return Err(StorageError::DiskFull { free, floor: self.floor });
            }
        }
        let mut accounts = self.accounts();
        let held = accounts.entry(account.clone()).or_default();
        let wanted = held.saturating_add(more);
        if self.most > 0 && wanted > self.most {
            return Err(StorageError::Quota { held: *held, more, most: self.most });
        }
        *held = wanted;
        Ok(())
    }

    fn subtract(&self, account: &Account, bytes: u64) {
        let mut accounts = self.accounts();
        if let Some(held) = accounts.get_mut(account) {
            *held = held.saturating_sub(bytes);
            if *held == 0 {
                accounts.remove(account);
            }
        }
    }

    fn accounts(&self) -> std::sync::MutexGuard<'_, HashMap<Account, u64>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes on an account, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Charge {
    ledger: Arc<Ledger>,
    account: Account,
    bytes: u64,
}

impl Charge {
    /// Adds bytes before they are written.
    ///
    /// *Errors*: the account's limit, or the disk's floor; nothing is added then.
    pub(crate) fn grow(&mut self, more: u64) -> Result<(), StorageError> {
        self.ledger.add(&self.account, more)?;
        self.bytes += more;
        Ok(())
    }

    /// Gives bytes back that were not written after all.
    pub(crate) fn shrink(&mut self, less: u64) {
        let less = less.min(self.bytes);
        self.ledger.subtract(&self.account, less);
        self.bytes -= less;
    }

    /// Bytes so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes another charge of the same account over.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        debug_assert_eq!(self.account, other.account, "charges of one account");
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.ledger.subtract(&self.account, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::LocalDisk;
    use super::*;

    #[test]
    fn an_account_has_a_limit_and_gets_its_bytes_back() {
        let ledger = Ledger::new(Arc::new(LocalDisk), std::env::temp_dir(), 100, 0);
        let (ada, bob) = (Account::named(Some("ada"), "x"), Account::named(None, "10.0.0.1"));
        let mut first = ledger.charge(ada.clone());
        first.grow(60).unwrap();
        let mut second = ledger.charge(ada.clone());
        let error = second.grow(41).unwrap_err();
        assert!(matches!(error, StorageError::Quota { held: 60, more: 41, most: 100 }), "{error}");
        second.grow(40).unwrap();
        ledger.charge(bob).grow(100).unwrap();
        drop(first);
        assert_eq!(ledger.held(&ada), 40);
        drop(second);
        assert_eq!(ledger.held(&ada), 0);
    }

    #[test]
    fn many_writers_at_once_do_not_pass_the_limit() {
        let ledger = Ledger::new(Arc::new(LocalDisk), std::env::temp_dir(), 1000, 0);
        let account = Account::named(Some("ada"), "");
        let charges: Vec<Charge> = std::thread::scope(|scope| {
            let write = || {
                let mut charge = ledger.charge(account.clone());
                while charge.grow(7).is_ok() {}
                charge
            };
            let threads: Vec<_> = (0..32).map(|_| scope.spawn(write)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(ledger.held(&account), 994);
        assert_eq!(charges.iter().map(Charge::bytes).sum::<u64>(), 994);
    }

    #[test]
    fn below_the_floor_nothing_is_written() {
        let ledger = Ledger::new(Arc::new(LocalDisk), std::env::temp_dir(), 0, u64::MAX / 2);
        let error = ledger.charge(Account::named(None, "")).grow(1).unwrap_err();
        assert!(matches!(error, StorageError::DiskFull { .. }), "{error}");
    }
}
