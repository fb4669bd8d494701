// Package recurrent computes recurrent layers step by step, forward and backward.
//
// # Files
//
//	doc.go        this file
//	recurrent.go  Recurrence: the loop over steps, RNN, gradients of the weights
//	gru.go        a step of GRU and back
//	lstm.go       a step of LSTM and back
package recurrent
