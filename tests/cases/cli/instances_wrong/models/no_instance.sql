select {{ instance.name }} as n
