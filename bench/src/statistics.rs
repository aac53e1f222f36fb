//! The two statistics of the benchmark.

/// The median; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        even if even.is_multiple_of(2) => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        _ => Some(sorted[middle]),
    }
}

/// The exponent with which a value grows from one point `(size, value)` to another: 1 means in proportion to the size.
pub fn growth(from: (f64, f64), to: (f64, f64)) -> f64 {
    (to.1 / from.1).ln() / (to.0 / from.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn growth_in_proportion_is_one_and_no_growth_is_zero() {
        assert!((growth((10.0, 3.0), (1000.0, 300.0)) - 1.0).abs() < 1e-9);
        assert!(growth((10.0, 3.0), (1000.0, 3.0)).abs() < 1e-9);
    }
}
