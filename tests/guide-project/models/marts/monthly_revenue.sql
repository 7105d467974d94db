select
    paid_month as month,
    {{ pivot('method', ['card', 'cash', 'transfer'], agg='sum', then_value='amount', else_value=0) }},
    sum(amount) as total
from stg_payments
group by paid_month
