//! The paper venue's settings, as the configuration says them.

use arbion::cli::host::Settings;
use arbion::config::Slippage as ConfigSlippage;
use arbion::core::paper::{Sessions, Slippage, Touch, VenueConfig};
use arbion::domain::fees::FeeTable;
use arbion::domain::ids::AccountId;

/// The slippage of a class of instruments.
pub fn venue_slippage(slippage: ConfigSlippage) -> Slippage {
    match slippage {
        ConfigSlippage::None => Slippage::None,
        ConfigSlippage::Ticks(ticks) => Slippage::Ticks(ticks),
        ConfigSlippage::BasisPoints(points) => Slippage::BasisPoints(points),
        ConfigSlippage::Spread(part) => Slippage::Spread(part),
        ConfigSlippage::VolumeShare => Slippage::VolumeShare,
        ConfigSlippage::SquareRoot(k) => Slippage::SquareRoot(k),
    }
}

/// The chosen schedule, or what the options say, with what regulators take.
pub fn fee_table(settings: &Settings, fees: &arbion::config::Fees) -> FeeTable {
    let file = &settings.loaded.fees;
    let own = || FeeTable {
        equity_per_share: fees.equity_per_share,
        option_per_contract: fees.option_per_contract,
        option_exchange_per_contract: fees.option_exchange_per_contract,
        crypto_maker_percent: fees.crypto_maker_percent,
        crypto_taker_percent: fees.crypto_taker_percent,
        perpetual_percent: fees.perpetual_percent,
        crypto_fee_in_coin: fees.crypto_fee_in_coin,
        exercise: fees.exercise,
        margin_interest_percent: fees.margin_interest_percent,
        short_borrow_percent: fees.short_borrow_percent,
        ..FeeTable::free()
    };
    file.regulated(file.schedules.get(&fees.schedule).cloned().unwrap_or_else(own))
}

/// The paper venue of a profile.
pub fn venue_config(settings: &Settings) -> VenueConfig {
    let paper = &settings.loaded.config.paper;
    VenueConfig {
        kind: paper.account_kind,
        options_level: paper.options_level,
        seed: paper.seed,
        fees: fee_table(settings, &paper.fees),
        slippage: venue_slippage(paper.slippage),
        slippage_crypto: venue_slippage(paper.slippage_crypto),
        slippage_option: venue_slippage(paper.slippage_option),
        participation: paper.participation,
        bar_participation: paper.bar_participation,
        partial_fills: paper.partial_fills,
        ack_ms: paper.ack_ms,
        cancel_ms: paper.cancel_ms,
        sessions: match paper.sessions {
            arbion::config::Sessions::Always => Sessions::Always,
            arbion::config::Sessions::Nyse => Sessions::Nyse,
        },
        touch: match paper.touch {
            arbion::config::Touch::Never => Touch::Never,
            arbion::config::Touch::Queue => Touch::Queue,
        },
        adjust_gtc: paper.adjust_gtc,
        risk_free: settings.loaded.config.rates.risk_free,
        ..VenueConfig::new(AccountId::new("paper"), paper.starting_cash)
    }
}
