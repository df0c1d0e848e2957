//! Tax lots, gains with wash sales, and sums of years, worked out from the profile's fills.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::json;
use smol_str::SmolStr;

use super::orders::{find, order_ref};
use super::past::{self, OrderFacts, Written};
use crate::cli::args::{TaxArgs, TaxCommand};
use crate::cli::error::CliError;
use crate::cli::line::Line;
use crate::cli::output::csv::{csv, safe};
use crate::cli::output::{Output, tax_views};
use crate::client::Request;
use crate::config::Tax;
use crate::domain::calendar::exchange_date;
use crate::domain::ids::{AccountId, ClientOrderId, ExecutionId};
use crate::domain::journal::{LOT_TAG, lot_tags, write_note};
use crate::domain::money::canonical;
use crate::domain::order::{Order, OrderRequest};
use crate::domain::tax::{
    AverageCost, LotMethod, Realized, TaxBooks, TaxLot, TaxRules, averages, description, work_out, years,
};

/// What is said beside every report.
pub(super) const NO_ADVICE: &str = "Information, not advice: worked out from this profile's own fills. Your broker's statement counts. Whether \
     two issuers are substantially identical is not judged, nor are accounts outside of this profile and other people's; the loss of a short \
     sale is put off by another short sale of the share alone.";

pub(super) async fn run(line: &Line<'_>, command: &TaxCommand, config: &Tax) -> Result<Output, CliError> {
    match command {
        TaxCommand::Choose { sale, lots } => choose(line, sale, lots).await,
        TaxCommand::Lots { args, average } => {
            let (books, names) = books(line, args, config).await?;
            let of = account(line, args).await?;
            let lots: Vec<&TaxLot> = books.lots.iter().filter(|lot| is_of(&of, &lot.account)).collect();
            if *average {
                return averaged(&lots, args.csv, &books);
            }
            let output = Output::new(&json!({ "lots": lots, "doubts": books.doubts, "note": NO_ADVICE }))?;
            if args.csv {
                return Ok(output.verbatim(lots_csv(&lots, &names)?));
            }
            Ok(said(output.table(tax_views::lots(&lots, &|lot| names.lot(lot))), &books))
        }
        TaxCommand::Gains(args) => {
            let (books, names) = books(line, args, config).await?;
            let rows = gains(&books, args, &account(line, args).await?);
            let output = Output::new(&json!({ "gains": rows, "doubts": books.doubts, "note": NO_ADVICE }))?;
            if args.csv {
                return Ok(output.verbatim(gains_csv(&rows)?));
            }
            Ok(said(output.table(tax_views::gains(&rows, &|lot| names.lot_of(lot))), &books))
        }
        TaxCommand::Summary(args) => {
            let (books, _) = books(line, args, config).await?;
            let rows: Vec<Realized> =
                gains(&books, args, &account(line, args).await?).into_iter().cloned().collect();
            let years = years(&rows);
            let output = Output::new(&json!({ "years": years, "doubts": books.doubts, "note": NO_ADVICE }))?;
            if args.csv {
                let header = ["year", "term", "sales", "proceeds", "basis", "disallowed", "gain", "currency"];
                let row = |row: &crate::domain::tax::YearRow| {
                    let sums =
                        [row.totals.proceeds, row.totals.basis, row.totals.disallowed, row.totals.gain];
                    let head =
                        [row.year.to_string(), row.term.as_str().to_owned(), row.totals.sales.to_string()];
                    head.into_iter().chain(sums.map(cents)).chain([row.currency.to_string()]).collect()
                };
                return Ok(output.verbatim(csv(&header, years.iter().map(row))?));
            }
            Ok(said(output.table(tax_views::years(&years)), &books))
        }
    }
}

fn said(output: Output, books: &TaxBooks) -> Output {
    books.doubts.iter().fold(output, |output, doubt| output.line(format!("? {doubt}"))).line(NO_ADVICE)
}

async fn account(line: &Line<'_>, args: &TaxArgs) -> Result<Option<AccountId>, CliError> {
    line.named_account(args.account.as_deref()).await
}

fn is_of(wanted: &Option<AccountId>, account: &AccountId) -> bool {
    wanted.as_ref().is_none_or(|wanted| wanted == account)
}

fn gains<'a>(books: &'a TaxBooks, args: &TaxArgs, of: &Option<AccountId>) -> Vec<&'a Realized> {
    let wanted =
        |row: &&Realized| is_of(of, &row.account) && args.year.is_none_or(|year| row.sold.year() == year);
    books.realized.iter().filter(wanted).collect()
}

/// Names of lots: the number of the order that made one, else the execution.
struct Names {
    orders: BTreeMap<ClientOrderId, OrderFacts>,
    by_execution: BTreeMap<ExecutionId, ClientOrderId>,
}

impl Names {
    fn order(&self, id: ClientOrderId) -> Option<String> {
        self.orders.get(&id).map(|order| order.number.0.to_string())
    }

    fn lot(&self, lot: &TaxLot) -> String {
        lot.order.and_then(|id| self.order(id)).unwrap_or_else(|| lot.lot.to_string())
    }

    fn lot_of(&self, row: &Realized) -> String {
        let order = self.by_execution.get(&row.lot);
        order.and_then(|id| self.order(*id)).unwrap_or_else(|| row.lot.to_string())
    }
}

async fn books(line: &Line<'_>, args: &TaxArgs, config: &Tax) -> Result<(TaxBooks, Names), CliError> {
    let (fills, orders, notes) =
        (past::fills(line).await?, past::orders(line).await?, past::notes(line).await?);
    let methods = config.accounts.iter().map(|(name, method)| (AccountId::new(name), *method));
    let rules = TaxRules {
        method: args.method.unwrap_or(config.method),
        // A method that is asked for is every account's.
        methods: if args.method.is_some() { BTreeMap::new() } else { methods.collect() },
        wash: config.wash,
        chosen: chosen(&notes, &orders),
    };
    let by_execution =
        fills.iter().filter_map(|fill| Some((fill.execution_id.clone(), fill.client_order_id?))).collect();
    Ok((work_out(&fills, &rules), Names { orders, by_execution }))
}

/// The lots that are named beside sales.
fn chosen(
    notes: &BTreeMap<ClientOrderId, Written>,
    orders: &BTreeMap<ClientOrderId, OrderFacts>,
) -> BTreeMap<ClientOrderId, Vec<ClientOrderId>> {
    let by_number: BTreeMap<u64, ClientOrderId> =
        orders.iter().map(|(id, order)| (order.number.0, *id)).collect();
    let lot = |tag: &SmolStr| by_number.get(&tag.strip_prefix(LOT_TAG)?.parse().ok()?).copied();
    let named =
        notes.iter().map(|(sale, note)| (*sale, note.tags.iter().filter_map(lot).collect::<Vec<_>>()));
    named.filter(|(_, lots)| !lots.is_empty()).collect()
}

/// What all lots of an instrument cost on average: no method closes lots by it.
fn averaged(lots: &[&TaxLot], as_csv: bool, books: &TaxBooks) -> Result<Output, CliError> {
    let rows = averages(lots);
    let output = Output::new(&json!({ "averages": rows, "doubts": books.doubts, "note": NO_ADVICE }))?;
    if as_csv {
        let header = ["account", "symbol", "quantity", "average", "basis", "currency"];
        let row = |row: &AverageCost| {
            vec![
                safe(row.account.as_str()),
                safe(&row.instrument.key()),
                canonical(row.quantity),
                canonical(row.average().round_dp(6)),
                cents(row.basis),
                row.currency.to_string(),
            ]
        };
        return Ok(output.verbatim(csv(&header, rows.iter().map(row))?));
    }
    Ok(said(output.table(tax_views::averages(&rows)), books))
}

/// Checks the lots that a sale which is still to be sent is to close: each was bought by such an order, and some of it is open. Says what is
/// to be known of it.
pub(super) async fn check_open(
    line: &Line<'_>,
    sale: &OrderRequest,
    lots: &[u64],
    config: &Tax,
) -> Result<String, CliError> {
    if sale.side.is_buy() {
        return Err(CliError::usage(
            "--lots: an order that buys closes no lots; they are named for what sells",
        ));
    }
    check_bought(line, sale, lots).await?;
    let all = TaxArgs { year: None, method: None, account: None, csv: false };
    let (books, names) = books(line, &all, config).await?;
    let mut open = Decimal::ZERO;
    for lot in lots {
        let name = lot.to_string();
        let own = books.lots.iter().filter(|it| it.quantity > Decimal::ZERO && it.account == sale.account);
        let units: Decimal = own.filter(|it| names.lot(it) == name).map(|it| it.quantity).sum();
        if units.is_zero() {
            return Err(CliError::usage(format!("lot {lot}: nothing of it is open; see: arbion tax lots")));
        }
        open += units;
    }
    let own = config.accounts.iter().find(|(name, _)| name == sale.account.as_str());
    let method = own.map_or(config.method, |(_, method)| *method);
    let (open, units) = (canonical(open), canonical(sale.quantity.get()));
    Ok(match method {
        LotMethod::Specific => format!("it closes lots {} first: {open} of {units}", numbers(lots)),
        other => format!(
            "lots {} are named; the method of {} is {other}, and they count where it is specific",
            numbers(lots),
            sale.account
        ),
    })
}

/// Names the lots that a sale closes, beside it; what is written there stays.
pub(super) async fn name_lots(line: &Line<'_>, sale: ClientOrderId, lots: &[u64]) -> Result<(), CliError> {
    let written = past::notes(line).await?.remove(&sale).unwrap_or_default();
    let mut tags: Vec<SmolStr> = written.tags.into_iter().filter(|tag| !tag.starts_with(LOT_TAG)).collect();
    tags.extend(lot_tags(lots));
    line.ask(Request::SetNote { order: sale, text: write_note(&written.words, &tags) }).await.map(drop)
}

fn numbers(lots: &[u64]) -> String {
    lots.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

async fn check_bought(line: &Line<'_>, sale: &OrderRequest, lots: &[u64]) -> Result<(), CliError> {
    for lot in lots {
        let bought = find(line, &order_ref(&lot.to_string())?).await?;
        let fits = bought.is_some_and(|bought| {
            bought.request.side.is_buy()
                && bought.request.account == sale.account
                && bought.request.subject == sale.subject
        });
        if !fits {
            return Err(CliError::usage(format!(
                "lot {lot}: allowed numbers of orders that bought {} on {}",
                sale.subject, sale.account
            )));
        }
    }
    Ok(())
}

async fn choose(line: &Line<'_>, sale: &str, lots: &[u64]) -> Result<Output, CliError> {
    let order = find(line, &order_ref(sale)?).await?;
    let order = order.ok_or_else(|| CliError::usage(format!("no order {sale}")))?;
    if order.request.side.is_buy() {
        return Err(CliError::usage(format!("order {sale} buys; lots are chosen for what sells")));
    }
    check_bought(line, &order.request, lots).await?;
    if let Some(day) = settled_on(line, &order).await? {
        return Err(CliError::usage(format!("order {sale} settled on {day}; its lots are fixed since")));
    }
    name_lots(line, order.request.client_order_id, lots).await?;
    let text = match lots.is_empty() {
        true => format!("order {} closes lots by the account's method", order.number),
        false => format!(
            "order {} closes lots {} first, where the method is specific",
            order.number,
            numbers(lots)
        ),
    };
    Ok(Output::message(&text)?.line("Lots must be named to the broker by the settlement of the sale; this tells nobody but your own report."))
}

/// The day on which the first fill of a sale settled, where that is over: from then on nobody may choose any more.
async fn settled_on(line: &Line<'_>, sale: &Order) -> Result<Option<Date>, CliError> {
    let id = sale.request.client_order_id;
    let snapshot = line.snapshot().await?;
    let today = exchange_date(snapshot.now);
    let fills = past::fills(line).await?;
    let first = fills.iter().filter(|fill| fill.client_order_id == Some(id)).map(|fill| fill.at).min();
    let settles = first.map(|at| {
        let traded = exchange_date(at);
        let around_the_clock =
            sale.request.subject.instruments().all(|it| it.asset_class().trades_around_the_clock());
        // A coin changes hands at once; its day is the last on which one may choose.
        if around_the_clock { traded } else { snapshot.market.calendar.settlement_date(traded) }
    });
    Ok(settles.filter(|day| *day < today))
}

fn cents(value: Decimal) -> String {
    format!("{:.2}", value.round_dp(2))
}

fn lots_csv(lots: &[&TaxLot], names: &Names) -> Result<String, CliError> {
    let header = [
        "account",
        "symbol",
        "lot",
        "quantity",
        "acquired",
        "held_since",
        "basis",
        "washed",
        "currency",
        "source",
    ];
    csv(
        &header,
        lots.iter().map(|lot| {
            vec![
                safe(lot.account.as_str()),
                safe(&lot.instrument.key()),
                safe(&names.lot(lot)),
                canonical(lot.quantity),
                lot.acquired.to_string(),
                lot.held_since.to_string(),
                cents(lot.basis),
                cents(lot.washed),
                lot.currency.to_string(),
                tax_views::source(lot.source).to_owned(),
            ]
        }),
    )
}

/// The columns of Form 8949, with account, term and currency beside them.
fn gains_csv(rows: &[&Realized]) -> Result<String, CliError> {
    let header = [
        "description",
        "date_acquired",
        "date_sold",
        "proceeds",
        "basis",
        "code",
        "adjustment",
        "gain",
        "term",
        "account",
        "currency",
    ];
    csv(
        &header,
        rows.iter().map(|row| {
            vec![
                safe(&description(row.quantity, &row.instrument)),
                row.acquired.to_string(),
                row.sold.to_string(),
                cents(row.proceeds),
                cents(row.basis),
                tax_views::code(row).to_owned(),
                cents(row.disallowed),
                cents(row.allowed()),
                row.term.as_str().to_owned(),
                safe(row.account.as_str()),
                row.currency.to_string(),
            ]
        }),
    )
}
