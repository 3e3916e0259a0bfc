"""`buzzwatch alerts backtest`."""
