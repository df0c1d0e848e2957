//! Exit plans from the command line.

use crate::cli::args::{ExitArgs, ExitsCommand, PlacementArg, ScaleInArg, TriggerArg};
use crate::cli::error::CliError;
use crate::cli::language;
use crate::cli::line::Line;
use crate::cli::output::{Named, Output, exit_views};
use crate::client::Request;
use crate::domain::exit::{ExitChange, ExitGroup, ExitPlan, Placement, ScaleIn, Trailing, TriggerPrice};

pub(super) async fn run(line: &Line<'_>, command: &ExitsCommand) -> Result<Output, CliError> {
    match command {
        ExitsCommand::List { account } => {
            let account = line.named_account(account.as_deref()).await?;
            let snapshot = line.snapshot().await?;
            let own = |group: &&ExitGroup| account.as_ref().is_none_or(|id| group.account == *id);
            let groups: Vec<&ExitGroup> = snapshot.exits.iter().filter(own).collect();
            Ok(Output::new(&Named("exits", &groups))?.table(exit_views::exits(&groups, &line.zone)))
        }
        ExitsCommand::Set(args) => {
            let plan = plan(args);
            plan.check().map_err(|error| CliError::usage(error.to_string()))?;
            let instrument = language::instrument(&args.symbol, line.lookup)?;
            let account = line.account(args.account.as_deref()).await?;
            line.answer(Request::Exit(ExitChange::Set { account, instrument, plan: Box::new(plan) })).await
        }
        ExitsCommand::Clear { symbol, account } => {
            let instrument = language::instrument(symbol, line.lookup)?;
            let account = line.account(account.as_deref()).await?;
            line.answer(Request::Exit(ExitChange::Clear { account, instrument })).await
        }
    }
}

fn plan(args: &ExitArgs) -> ExitPlan {
    ExitPlan {
        stop_loss: args.stop,
        take_profit: args.take.clone(),
        trailing: args.trail.map(|distance| Trailing {
            distance,
            activate_at: args.trail_from,
            tighten: args.then_from.zip(args.then_trail),
        }),
        break_even: args.break_even,
        sessions: args.sessions,
        before_close: args.before_close,
        trigger: match args.by {
            TriggerArg::Mark => TriggerPrice::Mark,
            TriggerArg::Last => TriggerPrice::Last,
            TriggerArg::BidAsk => TriggerPrice::BidAsk,
        },
        placement: match args.placement {
            PlacementArg::Auto => Placement::Auto,
            PlacementArg::Engine => Placement::Engine,
        },
        scale_in: match args.scale_in {
            ScaleInArg::Extend => ScaleIn::Extend,
            ScaleInArg::Separate => ScaleIn::Separate,
        },
    }
}
