-- Who brought whom, over any number of steps: a recursive query, whose own name is no table.
with recursive chain as (
    select
        customer_code as founder_code,
        customer_code,
        0 as steps
    from core.customers
    where referred_by is null

    union all

    select
        chain.founder_code,
        customers.customer_code,
        chain.steps + 1
    from chain
    join core.customers as customers on customers.referred_by = chain.customer_code
)

select
    founders.customer_code as founder_code,
    founders.name as founder,
    cast(count(*) - 1 as integer) as brought,
    max(chain.steps) as longest_chain,
    cast(sum(customers.amount_yen) as integer) as amount_yen
from chain
join core.customers as founders on founders.customer_code = chain.founder_code
join core.customers as customers on customers.customer_code = chain.customer_code
group by founders.customer_code, founders.name
