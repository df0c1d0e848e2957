//! Orders: place, preview, list, show, cancel, replace, settle.

use serde::Serialize;

use super::speak::{Door, carry_out, send};
use super::{tax, ticket};
use crate::cli::args::{CancelArgs, FateArg, OrderListArgs, ReplaceArgs, SettleArgs, ShowArgs, TicketArgs};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::language;
use crate::cli::line::Line;
use crate::cli::output::{Named, Output, views};
use crate::client::message::{HistoryQuery, OrderRef};
use crate::client::{Reply, Request};
use crate::command::types::Command;
use crate::config::Tax;
use crate::domain::execution::Execution;
use crate::domain::ids::{AccountId, BrokerOrderId, OrderNumber};
use crate::domain::order::{Order, OrderChange, OrderFate, OrderPreview, OriginKind, Trail};

/// One order with its fills.
#[derive(Serialize)]
struct Shown<'a> {
    order: &'a Order,
    executions: &'a [Execution],
}

/// The order of that number or client id.
pub(in crate::cli) fn order_ref(text: &str) -> Result<OrderRef, CliError> {
    if let Ok(number) = text.parse() {
        return Ok(OrderRef::Number(OrderNumber(number)));
    }
    let wrong = || {
        CliError::usage(format!(
            "order: found '{text}', allowed its number or its client id of 26 characters"
        ))
    };
    text.parse().map(OrderRef::ClientOrderId).map_err(|_| wrong())
}

pub(super) async fn place(
    line: &Line<'_>,
    args: &TicketArgs,
    config: &Tax,
    console: &mut Console,
) -> Result<Output, CliError> {
    let command = Command::Place(ticket::place(args, line.lookup)?);
    let mut door = Door {
        account: line.named_account(args.account.as_deref()).await?,
        yes: args.yes,
        allow_duplicate: args.allow_duplicate,
        wait: !args.no_wait,
        origin: OriginKind::Cli,
    };
    if args.lots.is_empty() {
        return carry_out(line, command, &door, Some(console)).await;
    }
    // The lots are of the account that the order goes to, which the engine finds.
    let preview = previewed(line, &command, door.account.clone()).await?;
    let about = tax::check_open(line, &preview.request, &args.lots, config).await?;
    door.account = Some(preview.request.account.clone());
    let reply = send(line, command, &door, Some(console)).await?;
    let output = line.show(&reply)?;
    let Reply::Orders(orders) = &reply else { return Ok(output) };
    let Some(order) = orders.first().filter(|order| CliError::of_order(order).is_none()) else {
        return Ok(output);
    };
    match tax::name_lots(line, order.request.client_order_id, &args.lots).await {
        Ok(()) => Ok(output.line(about)),
        Err(error) => {
            let lots: Vec<String> = args.lots.iter().map(u64::to_string).collect();
            let text = format!(
                "order {} is out, its lots are not named ({}); try: arbion tax choose {} {}",
                order.number,
                error.message,
                order.number,
                lots.join(" ")
            );
            Ok(output.failing(Some(CliError { message: text, ..error })))
        }
    }
}

async fn previewed(
    line: &Line<'_>,
    command: &Command,
    account: Option<AccountId>,
) -> Result<Box<OrderPreview>, CliError> {
    let command = command.clone();
    let request = Request::Preview { command, origin: OriginKind::Cli, account, ask_broker: false };
    match line.ask(request).await? {
        Reply::Preview(preview) => Ok(preview),
        _ => Err(CliError::unexpected("a preview")),
    }
}

pub(super) async fn preview(line: &Line<'_>, args: &TicketArgs, config: &Tax) -> Result<Output, CliError> {
    let command = Command::Place(ticket::place(args, line.lookup)?);
    let account = line.named_account(args.account.as_deref()).await?;
    let about = match args.lots.is_empty() {
        true => None,
        false => {
            let preview = previewed(line, &command, account.clone()).await?;
            Some(tax::check_open(line, &preview.request, &args.lots, config).await?)
        }
    };
    let request = Request::Preview { command, origin: OriginKind::Cli, account, ask_broker: true };
    let output = line.answer(request).await?;
    Ok(about.into_iter().fold(output, Output::line))
}

pub(super) async fn list(line: &Line<'_>, args: &OrderListArgs) -> Result<Output, CliError> {
    let account = line.named_account(args.account.as_deref()).await?;
    let instrument =
        args.symbol.as_deref().map(|symbol| language::instrument(symbol, line.lookup)).transpose()?;
    let snapshot = line.snapshot().await?;
    let rows: Vec<Order> = snapshot
        .orders
        .iter()
        .filter(|order| args.all || order.is_working())
        .filter(|order| account.as_ref().is_none_or(|id| order.request.account == *id))
        .filter(|order| {
            instrument.as_ref().is_none_or(|wanted| order.request.subject.instruments().any(|i| i == wanted))
        })
        .cloned()
        .collect();
    let empty = if args.all {
        "no recent orders"
    } else {
        "no working orders; all recent ones: arbion order list --all"
    };
    Ok(Output::new(&Named("orders", &rows))?.table(views::orders(&rows, &line.zone, empty)))
}

pub(super) async fn show(line: &Line<'_>, args: &ShowArgs) -> Result<Output, CliError> {
    let wanted = order_ref(&args.order)?;
    let order =
        find(line, &wanted).await?.ok_or_else(|| CliError::usage(format!("no order {}", args.order)))?;
    let id = order.request.client_order_id;
    let query = HistoryQuery { order: Some(OrderRef::ClientOrderId(id)), ..HistoryQuery::default() };
    let Reply::Executions(fills) = line.ask(Request::Executions(query)).await? else {
        return Err(CliError::unexpected("fills"));
    };
    let own: Vec<Execution> = fills.into_iter().filter(|fill| fill.client_order_id == Some(id)).collect();
    let output = Output::new(&Shown { order: &order, executions: &own })?
        .table(views::orders(std::slice::from_ref(&order), &line.zone, ""))
        .line(format!("client id {id}"));
    Ok(if own.is_empty() { output } else { output.table(views::executions(&own, &line.zone)) })
}

/// The order among the recent ones, else in all of history.
pub(super) async fn find(line: &Line<'_>, wanted: &OrderRef) -> Result<Option<Order>, CliError> {
    let is_it = |order: &&Order| match wanted {
        OrderRef::Number(number) => order.number == *number,
        OrderRef::ClientOrderId(id) => order.request.client_order_id == *id,
    };
    let snapshot = line.snapshot().await?;
    if let Some(order) = snapshot.orders.iter().find(is_it) {
        return Ok(Some(order.clone()));
    }
    let query = HistoryQuery { order: Some(wanted.clone()), ..HistoryQuery::default() };
    match line.ask(Request::OrderHistory(query)).await? {
        Reply::Orders(orders) => Ok(orders.iter().find(is_it).cloned()),
        _ => Err(CliError::unexpected("orders")),
    }
}

pub(super) async fn cancel(line: &Line<'_>, args: &CancelArgs) -> Result<Output, CliError> {
    let wait = !args.no_wait;
    if args.orders.is_empty() {
        let command = if args.all {
            Command::CancelAll
        } else if args.symbol.is_some() || args.side.is_some() {
            let instrument =
                args.symbol.as_deref().map(|s| language::instrument(s, line.lookup)).transpose()?;
            Command::Cancel { order_id: None, instrument, side: args.side.map(ticket::side) }
        } else {
            return Err(CliError::usage("which orders? give numbers, --symbol, --side or --all"));
        };
        let door = Door { account: None, yes: true, allow_duplicate: false, wait, origin: OriginKind::Cli };
        return line.answer(ticket::execute(command, &door, None)).await;
    }
    let orders: Result<Vec<OrderRef>, CliError> = args.orders.iter().map(|order| order_ref(order)).collect();
    let (mut ended, mut failure) = (Vec::new(), None);
    for order in orders? {
        match line.ask(Request::Cancel { order, wait }).await {
            Ok(Reply::Orders(orders)) => ended.extend(orders),
            Ok(_) => return Err(CliError::unexpected("orders")),
            // One that cannot be canceled must not keep the others from it.
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match failure {
        Some(error) if ended.is_empty() => Err(error),
        failure => {
            let output = line.show(&Reply::Orders(ended))?;
            Ok(if failure.is_some() { output.failing(failure) } else { output })
        }
    }
}

pub(super) async fn replace(line: &Line<'_>, args: &ReplaceArgs) -> Result<Output, CliError> {
    let trail = args.trail_amount.map(Trail::Amount).or(args.trail_percent.map(Trail::Percent));
    let change = OrderChange {
        limit_price: args.limit,
        stop_price: args.stop,
        trail,
        quantity: args.quantity,
        time_in_force: args.tif.map(Into::into),
    };
    line.answer(Request::Replace { order: order_ref(&args.order)?, change, wait: !args.no_wait }).await
}

pub(super) async fn settle(line: &Line<'_>, args: &SettleArgs) -> Result<Output, CliError> {
    let fate = match (args.fate, args.price) {
        (Some(FateArg::Filled), Some(price)) => OrderFate::Filled { price },
        (Some(FateArg::Filled), None) => return Err(CliError::usage("what did it fill at? give --price")),
        (_, Some(_)) => return Err(CliError::usage("only what has filled has a --price")),
        (Some(FateArg::Canceled), None) => OrderFate::Canceled,
        (Some(FateArg::Rejected), None) => OrderFate::Rejected,
        (Some(FateArg::NeverReached), None) => OrderFate::NeverReached,
        (None, None) => {
            let id = args.broker_order_id.as_deref().unwrap_or_default();
            OrderFate::At { broker_order_id: BrokerOrderId::new(id) }
        }
    };
    line.answer(Request::Settle { order: order_ref(&args.order)?, fate, why: args.reason.clone() }).await
}
