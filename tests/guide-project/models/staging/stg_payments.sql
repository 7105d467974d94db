select
    payment_id,
    member_id,
    paid_on,
    cast(date_trunc('month', paid_on) as date) as paid_month,
    {{ money('amount_cents') }} as amount,
    method
from payments
