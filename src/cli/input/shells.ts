import { COMPLETE } from '../options.ts';

/**
 * Scripts that make a shell ask. A line of the answer has a candidate, a tab and what it is. Where there is none, the
 * shell completes files.
 */
export const SHELLS = {
  bash: `# bash completion of celigo-mirror
_celigo_mirror() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("\${COMP_WORDS[0]}" ${COMPLETE} -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]]; then compopt -o nospace; fi
}
complete -o default -F _celigo_mirror celigo-mirror
`,
  zsh: `#compdef celigo-mirror
# zsh completion of celigo-mirror
_celigo_mirror() {
  local line
  local -a texts shown open
  for line in "\${(@f)$("\${words[1]}" ${COMPLETE} -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] || continue
    texts+=("\${line%%$'\\t'*}")
    shown+=("\${line/$'\\t'/  }")
    [[ \${line%%$'\\t'*} == */ ]] && open=(-S '')
  done
  if (( \${#texts} )); then compadd -l "\${open[@]}" -d shown -a texts; else _files; fi
}
if [[ \${zsh_eval_context[-1]} == loadautofunc ]]; then _celigo_mirror "$@"
else compdef _celigo_mirror celigo-mirror
fi
`,
  fish: `# fish completion of celigo-mirror
function __celigo_mirror
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] ${COMPLETE} -- $words[2..-1] 2>/dev/null)
    if set -q found[1]
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c celigo-mirror -f -a '(__celigo_mirror)'
`,
} as const;

export type Shell = keyof typeof SHELLS;
