"""What messages add up to: candles, a book, a ticker, the exchange's time. Pure, one owner each."""
