# Completions of mema for fish. Made by: mema help --completion=fish
# True if the command is $argv[1], and no operand has been given; the further arguments are options that take a value.
function __mema_at
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = "$argv[1]"; or return 1
    set -e words[1..2]
    set -l is_value 0
    for word in $words
        if test $is_value = 1
            set is_value 0
        else if contains -- $word $argv[2..-1]
            set is_value 1
        else if test $word = --; or not string match -q -- '-*' $word
            return 1
        end
    end
    return 0
end
# Completes the program and its arguments: drops our command and options; the arguments are options that take a value.
function __mema_program
    set -l words (commandline -opc)
    set -e words[1..2]
    while set -q words[1]
        set -l word $words[1]
        string match -q -- '-*' $word; or break
        set -e words[1]
        test $word = --; and break
        contains -- $word $argv; and set -q words[1]; and set -e words[1]
    end
    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
end
complete -c mema -f
complete -c mema -n __fish_use_subcommand -l help -s h -d 'show this'
complete -c mema -n __fish_use_subcommand -l version -d 'show the version'
complete -c mema -n __fish_use_subcommand -a run -d 'run a program with its heap in a pool, and say what it used'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l help -s h -d 'show this'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l pool -x -d 'the budget of each process'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l total -x -d 'the budget of all processes together, beside that of each'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l reserve -x -d 'keep so much of the budget for small requests'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l no-mmap -d 'do not count what the program maps by itself'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l report -r -F -d 'write the figures to FILE as JSON'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l strict -d 'abort the program at a bad free, or a sized one that cannot be right'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l no-inherit -d 'leave an environment as it is that the program emptied'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l deepbind -d 'leave RTLD_DEEPBIND to the program, which is taken out else'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l fail-at -x -d 'refuse the Nth request for memory'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l from-then-on -d 'refuse each request after that of --fail-at as well'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l max-peak -x -d 'no process may have had more live at once'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l max-live -x -d 'no process may leave more live at its exit'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l max-allocations -x -d 'no process may have allocated more chunks'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l baseline -r -F -d 'compare peak, live and allocations with those in FILE, a JSON report'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l max-growth -x -d 'they may be so much above the baseline'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l update -d 'write the baseline, instead of comparing with it'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l junit -r -F -d 'write the gates to FILE as JUnit XML'
complete -c mema -n '__mema_at run --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit' -l github -d 'write a line on stderr for GitHub'\''s annotations if a gate fell'
complete -c mema -n '__fish_seen_subcommand_from run' -x -a '(__mema_program --pool --total --reserve --report --fail-at --max-peak --max-live --max-allocations --baseline --max-growth --junit)'
complete -c mema -n __fish_use_subcommand -a torture -d 'run a program again and again, each time with another failing request for memory'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l help -s h -d 'show this'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l stacks -d 'fail the first request of each call stack'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l every -d 'fail each request'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l sample -x -d 'fail K requests, spread evenly over the run'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l from -x -d 'leave out the requests before the Nth'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l once -d 'one request fails in each run'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l from-then-on -d 'each request after it fails as well'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l jobs -x -d 'make N runs at once'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l json -r -F -d 'write each point to FILE as JSON'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l resume -r -F -d 'note each point in FILE, and leave out those that are in it already'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l timeout -x -d 'end a run after S seconds'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l input -r -F -d 'the standard input of each run'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l check -x -a '(__fish_complete_command)' -d 'run CMD by the shell after each run'
complete -c mema -n '__mema_at torture --sample --from --jobs --json --resume --timeout --input --check' -l stderr -d 'what the program writes to stderr is a part of its output'
complete -c mema -n '__fish_seen_subcommand_from torture' -x -a '(__mema_program --sample --from --jobs --json --resume --timeout --input --check)'
complete -c mema -n __fish_use_subcommand -a fit -d 'find the least budget with which a program does the same'
complete -c mema -n '__mema_at fit --runs --slower --timeout --input --check' -l help -s h -d 'show this'
complete -c mema -n '__mema_at fit --runs --slower --timeout --input --check' -l runs -x -d 'measure times by the median of N runs'
complete -c mema -n '__mema_at fit --runs --slower --timeout --input --check' -l slower -x -d 'so much more time is about as fast'
complete -c mema -n '__mema_at fit --runs --slower --timeout --input --check' -l no-mmap -d 'do not count what the program maps by itself'
complete -c mema -n '__mema_at fit --runs --slower --timeout --input --check' -l timeout -x -d 'end a run after S seconds'
complete -c mema -n '__mema_at fit --runs --slower --timeout --input --check' -l input -r -F -d 'the standard input of each run'
complete -c mema -n '__mema_at fit --runs --slower --timeout --input --check' -l check -x -a '(__fish_complete_command)' -d 'run CMD by the shell after each run'
complete -c mema -n '__mema_at fit --runs --slower --timeout --input --check' -l stderr -d 'what the program writes to stderr is a part of its output'
complete -c mema -n '__fish_seen_subcommand_from fit' -x -a '(__mema_program --runs --slower --timeout --input --check)'
complete -c mema -n __fish_use_subcommand -a record -d 'run a program and write down what it asks of its heap'
complete -c mema -n '__mema_at record --output -o --finish' -l help -s h -d 'show this'
complete -c mema -n '__mema_at record --output -o --finish' -l output -s o -r -F -d 'write the trace to FILE'
complete -c mema -n '__mema_at record --output -o --finish' -l plain -d 'do not compress it'
complete -c mema -n '__mema_at record --output -o --finish' -l deepbind -d 'leave RTLD_DEEPBIND to the program, which is taken out else'
complete -c mema -n '__mema_at record --output -o --finish' -l finish -r -F -d 'run no command'
complete -c mema -n '__fish_seen_subcommand_from record' -x -a '(__mema_program --output -o --finish)'
complete -c mema -n __fish_use_subcommand -a replay -d 'play what was recorded against a pool and other heaps'
complete -c mema -n '__mema_at replay --pool --against --rounds --process' -l help -s h -d 'show this'
complete -c mema -n '__mema_at replay --pool --against --rounds --process' -l pool -x -d 'the budget of mema'\''s pool'
complete -c mema -n '__mema_at replay --pool --against --rounds --process' -l tracked -d 'a tracked pool'
complete -c mema -n '__mema_at replay --pool --against --rounds --process' -l against -r -F -d 'play against the malloc of this library as well'
complete -c mema -n '__mema_at replay --pool --against --rounds --process' -l rounds -x -d 'how often each heap plays'
complete -c mema -n '__mema_at replay --pool --against --rounds --process' -l process -x -d 'only the Nth process of the trace'
complete -c mema -n '__mema_at replay --pool --against --rounds --process' -l list -d 'play nothing'
complete -c mema -n '__mema_at replay --pool --against --rounds --process' -F
complete -c mema -n __fish_use_subcommand -a help -d 'explain mema, or one of its commands'
complete -c mema -n '__mema_at help --completion' -l help -s h -d 'show this'
complete -c mema -n '__mema_at help --completion' -l man -d 'write the manual page of mema, or of the command, for man -l'
complete -c mema -n '__mema_at help --completion' -l completion -x -a 'bash zsh fish' -d 'write a script that completes words after mema'
complete -c mema -n '__mema_at help --completion' -a 'run torture fit record replay help '
