//go:build !linux

package batch

func thisProcess() string { return "" }

func gone(string) bool { return false }
