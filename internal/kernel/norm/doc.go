// Package norm normalises: each function has its gradients below it.
//
// # Files
//
//	doc.go         this file
//	norm.go        layer normalisation; per-channel scale and shift, which batch normalisation is
//	groupnorm.go   group and instance normalisation
//	rmsnorm.go     RMS normalisation
//	lpnorm.go      Lp normalisation
//	channelsum.go  sums over neighbouring channels, for local response normalisation
package norm
