//go:build !windows

package main

const terminal = "/dev/tty"
