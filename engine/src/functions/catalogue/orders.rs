//! Which HEALPix order does a call name?
//!
//! This module must not know any SQL function.

use datafusion::common::Result;
use sidereus_sky::Order;

use super::super::arguments::{Arguments, Integers};
use super::super::geometry_type::invalid;

/// An order a row.
#[derive(Debug)]
pub(crate) struct Orders<'a>(Integers<'a>);

impl<'a> Orders<'a> {
    /// Reads the orders in argument `index`.
    ///
    /// *Errors*: an order written out that is outside 0 to 29.
    pub(crate) fn take(arguments: &'a Arguments, index: usize) -> Result<Self> {
        let orders = arguments.integer(index)?;
        if let Integers::Constant(Some(order)) = orders {
            Order::try_from(order).map_err(|error| invalid(&error))?;
        }
        Ok(Self(orders))
    }

    /// The order of a row; `None` where it is null or there is no such order.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<Order> {
        Order::try_from(self.0.get(row)?).ok()
    }
}
