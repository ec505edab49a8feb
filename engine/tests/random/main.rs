//! Do random queries give the rows that comparing every row by hand gives?
//!
//! Positions, centres and radii are drawn where mistakes hide: poles, the meridian of 0 and 360 degrees, radii of 0 and up to
//! 180 degrees, NULL, NaN. The judge computes separations by another formula than the engine, and leaves out what lies
//! closer to a border than rounding allows.
//!
//! `SIDEREUS_RANDOM_QUERIES` sets how many queries are asked of each kind, `SIDEREUS_RANDOM_SEED` where they begin.

#![allow(clippy::disallowed_methods, reason = "the judge shares no arithmetic with the engine")]

#[path = "../support/mod.rs"]
mod support;

mod asked;
mod bounds;
mod conditions;
mod dense;
mod draw;
mod extremes;
mod ids;
mod maps;
mod matches;
mod pairs;
mod sky;
mod tallies;

use draw::Draw;

/// How many queries of each kind.
fn queries(usual: usize) -> usize {
    std::env::var("SIDEREUS_RANDOM_QUERIES").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}

fn seeded() -> Draw {
    let seed = std::env::var("SIDEREUS_RANDOM_SEED").ok().and_then(|seed| seed.parse().ok());
    Draw::new(seed.unwrap_or(20_160_914))
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_select_the_rows_they_describe() {
    conditions::check(seeded(), queries(600)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_pair_the_rows_they_describe() {
    pairs::check(seeded(), queries(200), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_by_partition_pair_the_rows_they_describe() {
    pairs::check(seeded(), queries(200), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_of_every_kind_pair_the_rows_they_describe() {
    matches::check(seeded(), queries(150), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_by_partition_pair_the_rows_they_describe() {
    matches::check(seeded(), queries(150), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_regions_select_the_rows_they_describe() {
    dense::check(seeded(), queries(600) / 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_passed_over_hold_nothing_that_is_asked_for() {
    extremes::check(seeded(), queries(600) / 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn maps_of_sorted_rows_are_those_of_any_rows() {
    maps::check(seeded(), queries(600) / 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn footers_tell_what_the_rows_tell() {
    tallies::check(seeded(), queries(600) / 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_on_ids_give_the_rows_that_have_them() {
    ids::check(seeded(), queries(600) / 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_on_coordinates_select_the_rows_between_them() {
    bounds::check(seeded(), queries(600) / 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_of_parameters_give_the_answer_for_each() {
    asked::check(seeded(), queries(600) / 60).await;
}
