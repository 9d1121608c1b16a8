//! Quantiles, and how well one can tell two samples apart.

/// Measured times, in nanoseconds.
#[derive(Default)]
pub(crate) struct Times(Vec<u32>);

impl Times {
    /// Adds one.
    pub(crate) fn push(&mut self, time: std::time::Duration) {
        self.0.push(u32::try_from(time.as_nanos()).unwrap_or(u32::MAX));
    }

    /// Adds those of another.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time that a share of them does not exceed; 0 if there are none.
    pub(crate) fn quantile(&self, share: f64) -> u32 {
        let mut sorted = self.0.clone();
        if sorted.is_empty() {
            return 0;
        }
        let at = ((sorted.len() - 1) as f64 * share).round() as usize;
        *sorted.select_nth_unstable(at).1
    }

    /// The area under the ROC curve: the chance that one of these is longer than one of `others`, ties counting half.
    /// 0.5 means that the times tell nothing. With the half width of its 95 % confidence interval (DeLong et al. 1988).
    pub(crate) fn told_from(&self, others: &Self) -> (f64, f64) {
        let ours = placements(&self.0, &others.0);
        let theirs = placements(&others.0, &self.0);
        let (area, spread) = mean_and_variance(&ours);
        let (_, other_spread) = mean_and_variance(&theirs);
        let variance = spread / ours.len() as f64 + other_spread / theirs.len() as f64;
        (area, 1.96 * variance.sqrt())
    }
}

/// For each of `these` the share of `others` that it exceeds.
fn placements(these: &[u32], others: &[u32]) -> Vec<f64> {
    let mut sorted = others.to_vec();
    sorted.sort_unstable();
    let share = |time: &u32| {
        let below = sorted.partition_point(|other| other < time);
        let up_to = sorted.partition_point(|other| other <= time);
        (below + up_to) as f64 / 2.0 / sorted.len() as f64
    };
    these.iter().map(share).collect()
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, squares / (values.len() as f64 - 1.0))
}

/// The one in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
