module sallyport.test/handshakes

go 1.22
