//! Do the peers give the same answers?
//!
//! Of each query the answer that most peers give is taken as right; where as many give another, that of the first of
//! them in order. A peer whose answer is not the right one is told with how many of its answers differ. Sums of
//! computed values may differ by a part in 10^9 (separations in 10^6: formulas lose digits at arcseconds).

use serde::{Deserialize, Serialize};

use super::protocol::Digest;

/// How one peer's answers stand to those of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// Answers that were compared with at least one other peer's.
    pub(crate) compared: usize,
    /// Of these, how many are not those of most peers.
    pub(crate) differing: usize,
    /// The first difference, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) example: Option<String>,
}

/// Tells whether two digests are those of the same answer; what only one of them has is not compared.
pub(crate) fn same(one: &Digest, other: &Digest) -> bool {
    let checksums = match (&one.checksum, &other.checksum) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let sums = one.sums.iter().all(|(name, sum)| {
        let tolerance = if name == "separation" { 1e-6 } else { 1e-9 };
        other.sums.get(name).is_none_or(|other| (sum - other).abs() <= tolerance * sum.abs().max(other.abs()))
    });
    one.rows == other.rows && checksums && sums
}

/// Judges the answers of peers, in order of the peers; each has one list in order of the queries.
pub(crate) fn judge(answers: &[Vec<Option<Digest>>]) -> Vec<Verdict> {
    let mut verdicts = vec![Verdict::default(); answers.len()];
    let queries = answers.iter().map(Vec::len).max().unwrap_or_default();
    for query in 0..queries {
        let given: Vec<(usize, &Digest)> = answers
            .iter()
            .enumerate()
            .filter_map(|(peer, answers)| Some((peer, answers.get(query)?.as_ref()?)))
            .collect();
        if given.len() < 2 {
            continue;
        }
        let right = most_given(&given);
        for (peer, answer) in &given {
            let verdict = &mut verdicts[*peer];
            verdict.compared += 1;
            if !same(answer, right) {
                verdict.differing += 1;
                verdict.example.get_or_insert_with(|| difference(query, answer, right));
            }
        }
    }
    verdicts
}

/// The answer that most peers give, the first of several.
fn most_given<'a>(given: &[(usize, &'a Digest)]) -> &'a Digest {
    let votes = |answer: &Digest| given.iter().filter(|(_, other)| same(answer, other)).count();
    let mut best = (0, given[0].1);
    for (_, answer) in given {
        let count = votes(answer);
        if count > best.0 {
            best = (count, *answer);
        }
    }
    best.1
}

fn difference(query: usize, answer: &Digest, right: &Digest) -> String {
    if answer.rows != right.rows {
        return format!("query {query}: {} rows, most have {}", answer.rows, right.rows);
    }
    if answer.checksum != right.checksum {
        return format!("query {query}: {} rows as others, of other values", answer.rows);
    }
    format!("query {query}: sums {:?}, most have {:?}", answer.sums, right.sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rows: u64, checksum: &str, mean: f64) -> Option<Digest> {
        Some(Digest { rows, checksum: Some(checksum.to_owned()), sums: [("mean".to_owned(), mean)].into() })
    }

    #[test]
    fn the_peer_that_differs_is_found_wherever_it_stands() {
        for odd in 0..3 {
            for wrong in [answer(4, "a", 1.0), answer(3, "b", 1.0), answer(3, "a", 1.001)] {
                let mut answers = vec![vec![answer(3, "a", 1.0), answer(0, "0", 0.0)]; 3];
                answers[odd][0] = wrong;
                let verdicts = judge(&answers);
                let differing: Vec<usize> = verdicts.iter().map(|verdict| verdict.differing).collect();
                assert_eq!(differing.iter().sum::<usize>(), 1, "{verdicts:?}");
                assert_eq!((differing[odd], verdicts[odd].compared), (1, 2));
                assert!(verdicts[odd].example.as_ref().unwrap().contains("query 0"));
            }
        }
    }

    #[test]
    fn last_digits_of_sums_and_what_was_not_asked_do_not_count() {
        let answers = vec![
            vec![answer(3, "a", 1.0), answer(1, "c", 0.0)],
            vec![answer(3, "a", 1.0 + 1e-12), None],
            vec![Some(Digest { rows: 3, ..Digest::default() })],
        ];
        let verdicts = judge(&answers);
        assert!(verdicts.iter().all(|verdict| verdict.differing == 0));
        assert_eq!(verdicts.iter().map(|verdict| verdict.compared).collect::<Vec<_>>(), [1, 1, 1]);
    }

    #[test]
    fn of_two_that_differ_one_is_told() {
        let verdicts = judge(&[vec![answer(3, "a", 1.0)], vec![answer(2, "b", 1.0)]]);
        assert_eq!((verdicts[0].differing, verdicts[1].differing), (0, 1));
    }
}
