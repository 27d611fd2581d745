"""What bots have to be told so that they ask the proxy: configurations of freqtrade and ccxt."""
