package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/advparams/advparams/verify/attack"
)

// choice is what somebody keeps who has tried several settings: the one that does
// best on the validation samples.
type choice struct {
	validation, accuracy float64
	most                 float64 // accuracy of any setting, which nobody can choose by
}

func (c *choice) take(validation, accuracy float64) {
	if c.validation < validation || c.accuracy == 0 {
		c.validation, c.accuracy = validation, accuracy
	}
	c.most = max(c.most, accuracy)
}

// point is a place on the frontier.
type point struct {
	model, rule, budget, epochs string
}

func (p point) percent() float64 {
	x, _ := strconv.ParseFloat(p.budget, 64)
	return x
}

// outcome is one attacker's fight against one lock, or training from scratch.
type outcome struct {
	changed, key, locked string
	all                  choice            // among all settings
	family               map[string]choice // among those of one attack
	z                    float64           // AUC of |z|
}

// collect sorts the rows of a CSV by place and seed. Whoever knows the places is
// left out.
func collect(rows [][]string) (map[point]map[string]*outcome, error) {
	places := map[point]map[string]*outcome{}
	for _, row := range rows {
		at, seed, name := point{row[0], row[1], row[2], row[4]}, row[3], row[8]
		if attack.NeedsOriginal(name) {
			continue
		}
		if places[at] == nil {
			places[at] = map[string]*outcome{}
		}
		o := places[at][seed]
		if o == nil {
			o = &outcome{changed: row[5], key: row[6], locked: row[7], family: map[string]choice{}}
			places[at][seed] = o
		}
		accuracy, err := strconv.ParseFloat(row[11], 64)
		if err != nil {
			return nil, err
		}
		if row[10] == "" { // not an attack
			if name == auc && strings.HasPrefix(row[9], "|z|") {
				o.z = accuracy
			}
			continue
		}
		validation, err := strconv.ParseFloat(row[10], 64)
		if err != nil {
			return nil, err
		}
		o.all.take(validation, accuracy)
		one := o.family[name]
		one.take(validation, accuracy)
		o.family[name] = one
	}
	return places, nil
}

// summarise prints the table of docs/method.md, and writes what docs/figures draws:
// the advantage of the attacker over training from scratch, in points, by the budget
// in percent, as mean and standard deviation over the attackers. Both choose among
// all that they have tried by their validation samples. In hindsight is the
// difference of the largest accuracies, which nobody can choose by.
func summarise(w io.Writer, rows [][]string, path string) error {
	places, err := collect(rows)
	if err != nil {
		return err
	}
	var points []point
	for at := range places {
		if at.rule != attack.Scratch {
			points = append(points, at)
		}
	}
	slices.SortFunc(points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.model, b.model), cmp.Compare(a.rule, b.rule), cmp.Compare(a.percent(), b.percent()))
	})
	families := slices.DeleteFunc(attack.List(), func(name string) bool {
		return name == attack.Scratch || !slices.ContainsFunc(rows, func(row []string) bool { return row[8] == name })
	})
	fmt.Fprintf(w, "| model | rule | changed | key, bytes | locked | %s | best attack | from scratch | difference | in hindsight | \\|z\\| | seeds |\n", strings.Join(families, " | "))
	fmt.Fprintln(w, strings.Repeat("|---", 12+len(families))+"|")
	lines := [][]string{{"series", "x", "y", "error"}}
	for _, at := range points {
		var gain, best, yardstick, most, z []float64
		family := map[string][]float64{}
		var one *outcome
		for seed, o := range places[at] {
			s := places[point{at.model, attack.Scratch, "", at.epochs}][seed]
			if s == nil {
				return fmt.Errorf("%v: training from scratch is not there for seed %s", at, seed)
			}
			one = o
			best, yardstick = append(best, 100*o.all.accuracy), append(yardstick, 100*s.all.accuracy)
			gain, most = append(gain, 100*(o.all.accuracy-s.all.accuracy)), append(most, 100*(o.all.most-s.all.most))
			z = append(z, o.z)
			for name, c := range o.family {
				family[name] = append(family[name], 100*c.accuracy)
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s %% (%s) | %s | %.1f |", subjects[at.model].title, at.rule, at.budget, one.changed, one.key, 100*number(one.locked))
		for _, name := range families {
			fmt.Fprintf(w, " %s |", plusMinus("%.1f", family[name]))
		}
		middle, _ := spread(z)
		fmt.Fprintf(w, " %s | %s | **%s** | %s | %.2f | %d |\n", plusMinus("%.1f", best), plusMinus("%.1f", yardstick), plusMinus("%+.1f", gain), plusMinus("%+.1f", most), middle, len(gain))
		mean, deviation := spread(gain)
		if !slices.ContainsFunc(points, func(p point) bool {
			return p.model == at.model && p.rule == at.rule && p.budget != at.budget
		}) {
			continue // one point is no line
		}
		lines = append(lines, []string{subjects[at.model].title + ", " + at.rule, at.budget, strconv.FormatFloat(mean, 'f', 2, 64), strconv.FormatFloat(deviation, 'f', 2, 64)})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return csv.NewWriter(f).WriteAll(lines)
}

func number(s string) float64 {
	x, _ := strconv.ParseFloat(s, 64)
	return x
}

// plusMinus writes mean and standard deviation.
func plusMinus(format string, x []float64) string {
	if len(x) == 0 {
		return "–"
	}
	mean, deviation := spread(x)
	if len(x) == 1 {
		return fmt.Sprintf(format, mean)
	}
	return fmt.Sprintf(format+" ± %.1f", mean, deviation)
}

// spread returns mean and standard deviation; that of a single value is 0.
func spread(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(max(len(x)-1, 1)))
}
