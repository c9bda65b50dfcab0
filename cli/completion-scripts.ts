/** What `weft completion SHELL` prints. The scripts know no command: they ask `weft complete`. */

/**
 * Bash breaks words at : and = too, so weft gets the whole line, and the part of the last word that bash will replace.
 */
const BASH = `# Completion of weft for bash. Put it into /usr/share/bash-completion/completions/weft, or: source <(weft completion bash)
_weft() {
  local current=\${COMP_WORDS[COMP_CWORD]} line
  [[ $current == [:=]* ]] && current=
  local IFS=$'\\n'
  COMPREPLY=()
  while read -r line; do
    if [[ $line == :files ]]; then
      compopt -o filenames 2>/dev/null
      COMPREPLY+=($(compgen -f -- "$current"))
    else
      COMPREPLY+=("$line")
    fi
  done < <(weft complete --bash -- "\${COMP_LINE:0:COMP_POINT}" "$current" 2>/dev/null)
}
complete -F _weft weft
`;

/** An open quote belongs to the word in `words`, but not to PREFIX. */
const ZSH = `#compdef weft
# Completion of weft for zsh. Put it as _weft into a folder of $fpath, or: source <(weft completion zsh)
_weft() {
  local line about
  local -a candidates
  local -a typed=("\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}")
  [[ $PREFIX == --*=* ]] && compset -P 1 '*='
  for line in "\${(@f)$(weft complete -- "\${(@)typed}" 2>/dev/null)}"; do
    line=\${line#$IPREFIX}
    if [[ $line == :files ]]; then
      _files
    elif [[ -n $line ]]; then
      about=\${line#*$'\\t'}
      candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}\${about:+:$about}")
    fi
  done
  (( $#candidates )) && _describe -V weft candidates
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _weft "$@"
else
  compdef _weft weft
fi
`;

const FISH = `# Completion of weft for fish. Put it into ~/.config/fish/completions/weft.fish, or: weft completion fish | source
function __weft_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (weft complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c weft -f -a '(__weft_complete)'
`;

export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
