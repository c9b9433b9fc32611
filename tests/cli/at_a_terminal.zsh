# What becomes of a line that is typed and completed at a terminal, and what zsh says meanwhile:
#   zsh -f at_a_terminal.zsh COMPLETION LINE
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell "autoload -Uz compinit; compinit -u -D; source ${(q)1}
show() { print -r -- 'LINE'=\$BUFFER= }; zle -N show; bindkey '^T' show; print REA''DY"
zpty -r shell until $'*READY*' || exit 1
zpty -n -w shell $2$'\t\x14'
zpty -r shell until '*LINE=*=*' || exit 1
zpty -d shell
print -r -- $until
