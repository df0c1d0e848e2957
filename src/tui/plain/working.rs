//! Work that takes long, in plain lines: begun by its line, told of when it has ended, and how far it is when that is asked.

use super::{Plain, Step};
use crate::client::{Reply, SessionError};
use crate::domain::text::clean;
use crate::tui::wish::Effect;

impl Plain {
    /// The line as work that takes long; none where it is no such line.
    pub(super) fn worked(&mut self, text: &str) -> Option<Step> {
        let words = match self.app.env.works.as_ref()?.understand(text)? {
            Ok(words) => words,
            Err(wrong) => return Some(Step::Say(vec![clean(&wrong).into_owned()])),
        };
        let mut effects = Vec::new();
        self.app.work(text.to_owned(), words, &mut effects);
        let begun = effects.into_iter().find_map(|effect| match effect {
            Effect::Work(number, doing) => Some(Step::Work(number, doing)),
            _ => None,
        });
        let full =
            || Step::Say(vec!["As many as can be are under way already; end them, or wait.".to_owned()]);
        Some(begun.unwrap_or_else(full))
    }

    /// What is said when it has begun.
    #[must_use]
    pub fn work_begun(&self) -> Vec<String> {
        let words = self.app.env.jobs.all().next_back().map(|job| clean(&job.words).into_owned());
        vec![format!("Under way: {}. You are told when it is done.", words.unwrap_or_default())]
    }

    /// It has ended. On a locked one nothing is said; what came of it can be asked for afterwards.
    pub fn work_ended(&mut self, number: u64, result: Result<String, String>) -> Vec<String> {
        let reply = match &result {
            Ok(text) => Ok(Reply::Done(text.clone())),
            Err(text) => Err(SessionError::Usage(text.clone())),
        };
        self.app.asked.remove(&number);
        self.app.work_ended(number, reply, &mut Vec::new());
        if self.is_locked() {
            return Vec::new();
        }
        self.result(number)
    }

    /// Every piece of work: how far it is, or what came of it.
    pub(super) fn work_lines(&self) -> Vec<String> {
        let now = self.app.env.now;
        let numbers: Vec<(u64, bool)> = self.app.env.jobs.all().map(|job| (job.number, job.runs())).collect();
        if numbers.is_empty() {
            return vec!["Nothing is under way.".to_owned()];
        }
        let state = |number: u64| {
            let job = self.app.env.jobs.all().find(|job| job.number == number)?;
            Some(format!("{}: {}", clean(&job.words), job.state(now)))
        };
        let lines = numbers.iter().map(|(number, runs)| match runs {
            true => state(*number).into_iter().collect(),
            false => self.result(*number),
        });
        lines.collect::<Vec<Vec<String>>>().concat()
    }

    fn result(&self, number: u64) -> Vec<String> {
        let Some(job) = self.app.env.jobs.all().find(|job| job.number == number) else { return Vec::new() };
        let words = clean(&job.words);
        match job.result() {
            Some(Ok(text)) => {
                let first = format!("Done: {words}");
                std::iter::once(first)
                    .chain(text.lines().map(|line| clean(line).trim_end().to_owned()))
                    .collect()
            }
            Some(Err(text)) => vec![format!("{words}: {}", clean(text))],
            None => Vec::new(),
        }
    }

    /// Ends what is under way.
    pub fn end_work(&self) -> Vec<String> {
        self.app.env.jobs.end_all();
        match self.app.env.jobs.all().filter(|job| job.runs()).count() {
            0 => vec!["Nothing is under way.".to_owned()],
            many => vec![format!("Ending: {many}.")],
        }
    }
}
