package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"

	"github.com/kerf-go/kerf/plan"
)

// missingPrograms tells which programs that a plan's processes name are not on this
// machine. It belongs to no plan: elsewhere they may be there.
func missingPrograms(p *plan.Plan) plan.Errors {
	var all plan.Errors
	for _, q := range p.Processes {
		if q.Command == nil {
			continue
		}
		if what, hint := lookFor(filepath.Dir(p.File), q.Command[0]); what != "" {
			what = fmt.Sprintf("the program of process %s, %s, %s", q.Name, q.Command[0], what)
			all = append(all, plan.Error{Position: q.CommandAt, What: what, Hint: hint})
		}
	}
	return all
}

// lookFor looks for a program as the fleet does, which starts it in the plan's folder.
// What is wrong is empty if it is there.
func lookFor(folder, program string) (what, hint string) {
	path, byName := program, filepath.Base(program) == program
	if !byName && !filepath.IsAbs(program) {
		var err error
		if path, err = filepath.Abs(filepath.Join(folder, program)); err != nil {
			return err.Error(), ""
		}
	}
	_, err := exec.LookPath(path)
	switch {
	case err == nil:
		return "", ""
	case byName:
		return "is not on the PATH", fmt.Sprintf("install it, or correct the name; "+
			"one in the plan's folder is written ./%s", program)
	case !errors.Is(err, fs.ErrNotExist):
		return "cannot be run", path + " must be a program that you may execute"
	}
	hint = "correct the path, which starts at the plan's folder"
	beside := filepath.Join(folder, filepath.Dir(program))
	if filepath.IsAbs(program) {
		hint, beside = "correct the path", filepath.Dir(program)
	}
	if code, _ := filepath.Glob(filepath.Join(beside, "*.go")); len(code) > 0 {
		hint += fmt.Sprintf(", or build the program: go -C %s build", beside)
	}
	return "is not there", hint
}
