package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/advparams/advparams/verify/attack"
)

// summarise writes what docs/figures draws: for each series the advantage of the
// best attack over training from scratch, in points, by the budget in percent,
// as the mean of the attackers. Whoever knows the places has a series of their own.
func summarise(rows [][]string, path string) error {
	scratch := map[[3]string]float64{} // by model, seed and epochs
	for _, row := range rows {
		if row[1] == attack.Scratch {
			accuracy, err := strconv.ParseFloat(row[9], 64)
			if err != nil {
				return err
			}
			scratch[[3]string{row[0], row[3], row[4]}] = accuracy
		}
	}
	type point struct {
		series string
		budget float64
	}
	best := map[point]map[string]float64{} // by seed
	for _, row := range rows {
		yardstick, ok := scratch[[3]string{row[0], row[3], row[4]}]
		if row[1] == attack.Scratch || row[8] == auc || !ok {
			continue
		}
		at := point{series: row[0] + ", " + row[1]}
		if attack.NeedsOriginal(row[8]) {
			at.series += ", places known"
		}
		accuracy, err := strconv.ParseFloat(row[9], 64)
		if err == nil {
			at.budget, err = strconv.ParseFloat(row[2], 64)
		}
		if err != nil {
			return err
		}
		if best[at] == nil {
			best[at] = map[string]float64{}
		}
		gain := 100 * (accuracy - yardstick)
		if old, ok := best[at][row[3]]; !ok || gain > old {
			best[at][row[3]] = gain
		}
	}
	var points []point
	for at := range best {
		points = append(points, at)
	}
	slices.SortFunc(points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.series, b.series), cmp.Compare(a.budget, b.budget))
	})
	out := [][]string{{"series", "x", "y"}}
	for _, at := range points {
		sum := 0.0
		for _, gain := range best[at] {
			sum += gain
		}
		out = append(out, []string{at.series, fmt.Sprint(at.budget), strconv.FormatFloat(sum/float64(len(best[at])), 'f', 2, 64)})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return csv.NewWriter(f).WriteAll(out)
}
