export{c6_a as a,c6_b as b,c6_c as c,c6_d as d,c6_e as e,c6_f as f,c6_g as g,c6_h as h,c6_i as i,c6_j as j,c6_k as k,c6_l as l,c6_m as m,c6_n as n}from"./run.js";
