//! What a broker is to the engine: trait Broker, and one folder per broker.
