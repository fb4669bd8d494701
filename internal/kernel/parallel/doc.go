// Package parallel shares loops among goroutines.
//
// # Files
//
//	doc.go      this file
//	workers.go  Workers and their For loop
//	grain.go    how much work a piece of a loop should be
//	lanes.go    loops over the lanes of an axis
//	spin.go     waiting without the system
//	free_list.go  buffers that pieces of a loop use in turn
package parallel
