// Command minimal measures what the parts of the search for the fewest changes are
// worth: it locks a reference model of ../shared with the search as it is and with
// parts of it left out, prints a table of the numbers of changes, and writes what
// each change does to the accuracy on test images, with the first seed, as a CSV
// for docs/figures, which bench/plot draws.
//
//	go run ./bench/minimal -model lenet5 -o docs/figures/minimal-lenet5.csv
package main

import (
	"encoding/csv"
	"flag"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
)

func main() {
	log.SetFlags(0)
	shared := flag.String("shared", "../shared", "`FOLDER` of models and data")
	name := flag.String("model", "lenet5", "the model, one of "+strings.Join(names(models), ", "))
	seeds := flag.Int("seeds", 3, "searches of each kind, with seeds from 0")
	kinds := flag.String("variants", strings.Join(names(variants), ";"), "kinds of search, a ; between them")
	out := flag.String("o", "", "the `CSV` to write")
	flag.Parse()
	model, err := find(models, *name)
	if err != nil {
		log.Fatal(err)
	}
	rows := [][]string{{"series", "x", "y"}}
	fmt.Printf("| %s | changes | test accuracy |\n|---|---|---|\n", *name)
	for _, kind := range strings.Split(*kinds, ";") {
		set, err := find(variants, kind)
		if err != nil {
			log.Fatal(err)
		}
		var changes []string
		mean := 0.0
		for seed := range *seeds {
			course, err := model.search(*shared, uint64(seed), set)
			if err != nil {
				log.Fatalf("%s, seed %d, %s: %v", *name, seed, kind, err)
			}
			for k, accuracy := range course {
				if seed == 0 {
					rows = append(rows, []string{kind, strconv.Itoa(k), strconv.FormatFloat(accuracy, 'f', 4, 64)})
				}
			}
			changes = append(changes, strconv.Itoa(len(course)-1))
			mean += course[len(course)-1] / float64(*seeds)
		}
		fmt.Printf("| %s | %s | %.3f |\n", kind, strings.Join(changes, " / "), mean)
	}
	if *out == "" {
		return
	}
	f, err := os.Create(*out)
	if err != nil {
		log.Fatal(err)
	}
	w := csv.NewWriter(f)
	if err := w.WriteAll(rows); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}
