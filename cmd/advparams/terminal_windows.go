package main

const terminal = "CONIN$"
