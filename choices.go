package advparams

import (
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify/attack"
)

// Task is what a model is for: a type of package task, such as task.Regression.
type Task = task.Task

// TaskNames returns the names of all tasks, "classification" first.
func TaskNames() []string { return task.Names() }

// TaskByName returns the task with a name. The error lists the names that there are.
func TaskByName(name string) (Task, error) { return task.ByName(name) }

// ParseTask reads the name of a task, or several outputs with a task each, as in
// digit=classification,parity=binary.
func ParseTask(text string) (Task, error) { return task.Parse(text) }

// AttackInfo describes an attack.
type AttackInfo struct {
	Name  string // for AttackOptions.Attacks
	About string // a line for people
	// NeedsOriginal reports whether the attack needs AttackOptions.Key or Original. Its
	// result then does not count for the advantage.
	NeedsOriginal bool
}

// Attacks returns all attacks, in the order in which they are carried out.
func Attacks() []AttackInfo {
	var list []AttackInfo
	for _, name := range attack.List() {
		list = append(list, AttackInfo{name, attack.About(name), attack.NeedsOriginal(name)})
	}
	return list
}

// Optimiser is a rule to train by, with its learning rate.
type Optimiser = attack.Optimiser

// ParseOptimiser reads a rule and a learning rate, such as sgd:0.01.
func ParseOptimiser(text string) (Optimiser, error) { return attack.ParseOptimiser(text) }

// DefaultGrid returns the optimisers that attacks try if AttackOptions.Grid is nil.
func DefaultGrid() []Optimiser { return attack.DefaultGrid() }
